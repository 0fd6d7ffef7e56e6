import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { type Golden, withAnswer } from "../../core/golden.ts";
import { call } from "../../flows/request.ts";
import { loadGolden, saveGolden } from "../../manifest/golden.ts";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";
import { baseUrl, type CallFlags, callOptions } from "./request.ts";

/** `dray golden record`: what the live release answers becomes what is expected of every later one. */
export function addGolden(program: Command): void {
  const group = program.command("golden").description("golden requests: what every release must answer");
  const command = group
    .command("record")
    .description("ask the live release the golden requests, or one more, and write its answers down")
    .option("-d, --data <json|@file>", "body of one more golden request")
    .option("-p, --path <path>", "its path")
    .option("-X, --method <method>", "its method")
    .option("-H, --header <name: value...>", "its headers");
  define<Omit<CallFlags, "count">>(
    command,
    ["dray golden record", "dray golden record --path /decisions -d @loan.json"],
    async (run) => {
      const manifest = await run.manifest();
      const known = await loadGolden(manifest);
      const asked = run.flags.path !== undefined || run.flags.data !== undefined;
      if (!asked && known.length === 0) {
        throw new Failure("usage.invalid", "there is no golden request to record the answer of", {
          hint: "name one: dray golden record --path /decisions -d @body.json",
        });
      }
      const base = await baseUrl(run, manifest);
      const record = async (golden: Golden | undefined): Promise<Golden> => {
        const options = await callOptions({ ...run.flags, count: "1" }, manifest, golden, run.context.signal);
        const called = await call(base, options, run.context);
        if (called.status >= 400) {
          throw new Failure(
            "request.failed",
            `${called.method} ${options.path} said ${called.status}: ${called.body.slice(0, 200)}`,
            {
              hint: "an answer that refuses is no example of how it should be; nothing was written",
            },
          );
        }
        const request = golden?.request ?? requestOf(options);
        return {
          request,
          expect: withAnswer(golden?.expect ?? { status: 200, tolerance: 1e-6 }, {
            ...called,
            ms: called.timing.totalMs,
          }),
        };
      };
      const recorded: Golden[] = [];
      for (const each of asked ? [undefined] : known) recorded.push(await record(each));
      const all = asked ? [...known, ...recorded] : recorded;
      const file = await saveGolden(manifest, all);
      if (run.flags.json === true) return sayJson({ file, golden: all });
      for (const { request, expect } of recorded)
        say(`${request.method} ${request.path} -> ${expect.status} ${JSON.stringify(expect.body ?? null)}`);
      say(`written to ${file}`);
    },
  );
}

function requestOf(options: Awaited<ReturnType<typeof callOptions>>): Golden["request"] {
  const { method, path, body } = options;
  return { method, path, ...(body === undefined ? {} : { body: JSON.parse(body) as never }) };
}
