import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { joinPath } from "../../base/url.ts";
import type { Called } from "../../core/call.ts";
import type { Sampled } from "../../core/offered.ts";
import { baseUrl, callOptions, type RequestSaid, sampleOf } from "../../flows/reach/request.ts";
import { carriedOf } from "../carried.ts";
import { define } from "../command.ts";
import { headersOf } from "../headers.ts";
import { openInBrowser } from "../open.ts";
import { bodyText } from "../screen/body.ts";
import { say, sayJson } from "../screen/say.ts";

export interface CallFlags {
  data?: string;
  form?: string[];
  path?: string;
  method?: string;
  count: string;
  header?: string[];
  body?: boolean;
  release?: string;
}

export function addRequest(program: Command): void {
  const command = program
    .command("request")
    .description(
      "call the service from this computer; the golden request when nothing else is said, or the example of its own OpenAPI",
    )
    .option("-d, --data <text|@file>", "body: JSON, other text, or a file, whose content type is that of its name")
    .option(
      "-F, --form <name=value...>",
      "field of a form (multipart/form-data): name=value, name=@file, name=@file;type=TYPE",
    )
    .option("-p, --path <path>", "path")
    .option("-X, --method <method>", "method")
    .option("-H, --header <name: value...>", "headers")
    .option("-r, --release <id>", "ask this release, whatever its share of the traffic: one that runs")
    .option("-c, --count <n>", "how many times", "1")
    .option("--body", "print an HTML page as it came, not in a line");
  define<CallFlags>(
    command,
    [
      "dray request",
      "dray request --path / --body",
      "dray request -d @loan.json --path /decisions --count 10",
      "dray request -d @cat.jpg --path /classify",
      "dray request --release k3v9s1zb",
      "dray request -F image=@cat.jpg -F top=3 --path /classify",
    ],
    async (run) => {
      const scope = await run.scope();
      const { manifest } = scope;
      const reached = await run.dray.reach(scope, run.flags.release);
      const said = await saidOf(run.flags);
      const named = said.path !== undefined || said.carried !== undefined;
      const sample: Sampled = named ? {} : await sampleOf(reached, manifest, said, run.context);
      const options = await callOptions({ reached, manifest }, said, sample, run.context.signal);
      const all: Called[] = [];
      for (let index = 0; index < Number(run.flags.count); index++) {
        const called = await reached.call(options);
        all.push(called);
        if (run.as === "text") say(calledText(called, run.flags.body === true));
      }
      if (run.as === "json") sayJson(all);
      refuseWrong(all, sample);
    },
  );
}

const NAME_ONE = "a GET is no prediction; name one: dray request --path PATH -d @body.json";

/** @throws Failure request.failed, where an answer was none, or another than expected */
function refuseWrong(all: readonly Called[], { none }: Sampled): void {
  const [wrong] = all.flatMap((called) =>
    called.wrong.length > 0 ? called.wrong : called.status >= 400 ? [`status ${called.status}`] : [],
  );
  if (wrong === undefined) return;
  throw new Failure("request.failed", wrong, {
    hint: none === undefined ? "dray logs shows what the API said" : NAME_ONE,
  });
}

export function addOpen(program: Command): void {
  const command = program
    .command("open")
    .description("open the service in a browser")
    .option("-p, --path <path>", "path", "/docs");
  define<{ path: string }>(command, ["dray open", "dray open --path /"], async (run) => {
    const scope = await run.scope();
    const url = joinPath(baseUrl(await run.dray.reach(scope), scope.manifest), run.flags.path);
    if (run.as === "json") return sayJson({ url });
    say(url);
    if (!process.stdout.isTTY) return;
    await openInBrowser(url);
  });
}

/** What the flags say of a request; what it carries may be in files. */
export async function saidOf(flags: Omit<CallFlags, "count">): Promise<RequestSaid> {
  const { data, form, path, method, header = [] } = flags;
  const carried = await carriedOf(data, form);
  return {
    headers: headersOf(header),
    ...(carried === undefined ? {} : { carried }),
    ...(path === undefined ? {} : { path }),
    ...(method === undefined ? {} : { method }),
  };
}

function calledText(called: Called, whole: boolean): string {
  const { method, url, status, release, timing } = called;
  const from = release === undefined ? "" : ` from ${release}`;
  return `${method}${url === undefined ? "" : ` ${url}`} -> ${status}${from}, ${timeText(timing)}\n${bodyText(called, whole)}`;
}

/** How long it took, and where, as far as that is known. */
function timeText({ totalMs, dnsMs, connectMs, firstByteMs, queueMs, modelMs }: Called["timing"]): string {
  if (connectMs === undefined || firstByteMs === undefined) return `${totalMs} ms`;
  const behind =
    queueMs === undefined || modelMs === undefined
      ? `first byte ${firstByteMs.toFixed(1)}`
      : `edge queue ${queueMs}, model ${modelMs}, way and edge ${Math.max(0, firstByteMs - queueMs - modelMs).toFixed(1)}`;
  return `${totalMs} ms (dns ${dnsMs}, connect ${connectMs.toFixed(1)}, ${behind})`;
}
