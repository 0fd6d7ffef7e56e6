import type { LogLine } from "../../flows/watch/logs.ts";
import type { LogOptions } from "../../contract/answers.ts";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { define } from "../command.ts";
import { sinceOf } from "../since.ts";
import { say, saySaid } from "../screen/say.ts";

export interface LogFlags {
  follow?: boolean;
  tail: string;
  release?: string;
  edge?: boolean;
  since?: string;
  grep?: string;
  status?: string;
  id?: string;
}

export function addLogs(program: Command): void {
  const command = program
    .command("logs")
    .description("show the log of the replicas, or of the edge")
    .option("-f, --follow", "keep showing new lines")
    .option("-n, --tail <lines>", "number of last lines", "100")
    .option("-r, --release <id>", "show the log of a release that is kept")
    .option("--edge", "the edge's access log")
    .option("--since <time>", "nothing older: 30s, 10m, 6h, 7d")
    .option("--grep <pattern>", "only lines that a regular expression fits")
    .option("--status <code>", "of the access log: only answers of a status, 404 or 5xx (means --edge)")
    .option("--id <request>", "one request, by its x-request-id: the edge's line and the release's");
  define<LogFlags>(
    command,
    ["dray logs -f", "dray logs --status 5xx --since 1h", "dray logs --id 5f3c8a52-1f0e-4a6b-9d3e-0b1c2d3e4f50"],
    async (run) => {
      const { flags } = run;
      const tell = (line: LogLine): void => {
        if (flags.json === true) say(JSON.stringify(line));
        else if (line.from === "") say(line.line);
        else saySaid(line.from, line.line);
      };
      const options = optionsOf(flags);
      await followed(run.dray.logs(await run.scope(), options, tell), options, run.context.signal);
    },
  );
}

/** Ctrl-C is how following ends. */
export async function followed(lines: Promise<void>, { follow }: LogOptions, signal: AbortSignal): Promise<void> {
  await lines.catch((error: unknown) => {
    if (!(follow && signal.aborted)) throw error;
  });
}

/** What the flags say of which lines are wanted. @throws Failure usage.invalid */
export function optionsOf(flags: LogFlags): LogOptions {
  const { release, since, grep, status, id } = flags;
  if (status !== undefined && !/^[1-5][\dx]{2}$/i.test(status))
    throw new Failure("usage.invalid", `--status ${status} is none`, { hint: "like 404, or 5xx" });
  return {
    follow: flags.follow === true,
    tail: flags.tail === "all" ? "all" : Number(flags.tail),
    edge: flags.edge === true || status !== undefined,
    ...(release === undefined ? {} : { release }),
    ...(since === undefined ? {} : { sinceMs: Date.now() - sinceOf(since) }),
    ...(grep === undefined ? {} : { grep: patternOf(grep) }),
    ...(status === undefined ? {} : { status }),
    ...(id === undefined ? {} : { id }),
  };
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new Failure("usage.invalid", `--grep ${text} is no regular expression`, { cause: error });
  }
}
