import { type Command } from "commander";
import { brokenHop, type Trace } from "../../core/trace.ts";
import { payloadOf } from "../../core/payload.ts";
import { carriedOf } from "../carried.ts";
import { define, type Run } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";
import { headersOf } from "../headers.ts";
import { traceText } from "../screen/trace.ts";
import { handOf } from "./wanted.ts";

interface Flags {
  url?: string;
  container?: string;
  data?: string;
  header?: string[];
  explain?: boolean;
}

export function addTrace(program: Command): void {
  const command = program
    .command("trace")
    .description("walk every hop from here to the model; names the broken one, why, and its fix")
    .option("-u, --url <url>", "the endpoint (default: the manifest's)")
    .option("-C, --container <name>", "a container that was started by hand, on --machine")
    .option("-d, --data <text|@file>", "body of the request")
    .option("-H, --header <name: value...>", "headers of the request")
    .option("--explain", "say what each hop is, and why it can break");
  define<Flags>(
    command,
    [
      "dray trace",
      "dray trace --explain",
      "dray trace --machine user@203.0.113.7 --container my-api --url http://203.0.113.7:80/decisions",
    ],
    async (run) => {
      const traces = await tracesOf(run);
      if (run.flags.json === true) sayJson(traces.length === 1 ? traces[0] : traces);
      else for (const each of traces) say(traceText(each, run.flags.explain === true));
      return traces.every((each) => each.reached && brokenHop(each) === undefined) ? 0 : 1;
    },
  );
}

async function tracesOf(run: Run<Flags>): Promise<Trace[]> {
  const { flags, dray } = run;
  const body = payloadOf((await carriedOf(flags.data, undefined)) ?? {});
  const request = {
    headers: headersOf(flags.header ?? []),
    ...(flags.url === undefined ? {} : { url: flags.url }),
    ...(body === undefined ? {} : { body }),
  };
  const byHand = handOf(run);
  if (byHand !== undefined) return [await dray.traceByHand({ ...request, ...byHand })];
  return await dray.trace(await run.scope(), request);
}
