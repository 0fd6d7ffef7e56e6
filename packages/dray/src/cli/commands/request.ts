import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { attach } from "../../base/process.ts";
import type { Golden } from "../../core/golden.ts";
import { connect, machinesOf } from "../../flows/fleet.ts";
import { endpoint, under } from "../../flows/https.ts";
import { managedOf } from "../../flows/managed.ts";
import { ownKey } from "../../flows/keys.ts";
import { askPrediction } from "../../flows/described.ts";
import { call, type Called, type CallOptions } from "../../flows/request.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { define, type Run } from "../command.ts";
import { requestManaged } from "./managed.ts";
import { headersOf } from "../headers.ts";
import { say, sayJson } from "../screen/say.ts";

export interface CallFlags {
  data?: string;
  path?: string;
  method?: string;
  count: string;
  header?: string[];
}

export function addRequest(program: Command): void {
  const command = program
    .command("request")
    .description(
      "call the service from this computer; the golden request when nothing else is said, or the example of its own OpenAPI",
    )
    .option("-d, --data <json|@file>", "body")
    .option("-p, --path <path>", "path")
    .option("-X, --method <method>", "method")
    .option("-H, --header <name: value...>", "headers")
    .option("-c, --count <n>", "how many times", "1");
  define<CallFlags>(
    command,
    ["dray request", "dray request --path /", "dray request -d @loan.json --path /decisions --count 10"],
    async (run) => {
      const manifest = await run.manifest();
      const managed = managedOf(manifest);
      if (managed !== undefined) return await requestManaged(run, managed, manifest);
      const base = await baseUrl(run, manifest);
      const named = run.flags.path !== undefined || run.flags.data !== undefined;
      const sample: Sample = named ? {} : await sampleOf(run, manifest, base);
      const options = await callOptions(run.flags, manifest, sample, run.context.signal);
      const all: Called[] = [];
      for (let index = 0; index < Number(run.flags.count); index++) {
        const called = await call(base, options, run.context);
        all.push(called);
        if (run.flags.json !== true) say(calledText(called));
      }
      if (run.flags.json === true) sayJson(all);
      const wrong = all.flatMap((called) =>
        called.wrong.length > 0 ? called.wrong : called.status >= 400 ? [`status ${called.status}`] : [],
      );
      if (wrong.length > 0)
        throw new Failure("request.failed", wrong[0] ?? "", {
          hint: sample.none === undefined ? "dray logs shows what the API said" : NAME_ONE,
        });
    },
  );
}

export function addOpen(program: Command): void {
  const command = program
    .command("open")
    .description("open the service in a browser")
    .option("-p, --path <path>", "path", "/docs");
  define<{ path: string }>(command, ["dray open", "dray open --path /"], async (run) => {
    const url = under(await baseUrl(run, await run.manifest()), run.flags.path);
    if (run.flags.json === true) return sayJson({ url });
    say(url);
    if (!process.stdout.isTTY) return;
    const opener: Partial<Record<NodeJS.Platform, string[]>> = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] };
    await attach([...(opener[process.platform] ?? ["xdg-open"]), url]).catch(() => 1);
  });
}

const NAME_ONE = "a GET is no prediction; name one: dray request --path /predict -d @body.json";

/** The request where a person names none; `none`: why it is only a GET of the root. */
export interface Sample {
  request?: Golden["request"];
  golden?: Golden;
  none?: string;
}

/** The golden request; without one, the prediction that the API's own OpenAPI names. */
export async function sampleOf(run: Run<{ method?: string }>, manifest: Manifest, base: string): Promise<Sample> {
  const [golden] = await loadGolden(manifest);
  if (golden !== undefined) return { request: golden.request, golden };
  // A method that somebody named is for no request of ours.
  if (run.flags.method !== undefined) return {};
  const { context } = run;
  const tell = (text: string): void => context.emit({ type: "line", on: manifest.service, text });
  const how = await callOptions({ count: "1" }, manifest, {}, context.signal);
  const found = await askPrediction(base, how, context);
  if ("none" in found) {
    tell(`no golden request, and ${found.none}: this asks for / only`);
    return found;
  }
  const { method, path, body, from } = found.prediction;
  const whose = from === "example" ? "the API's own example" : "a request made from the API's own schema";
  tell(`no golden request: this is ${whose} of ${method} ${path}; dray golden record keeps it`);
  return { request: { method, path, body } };
}

/** Where the service is called from this computer. */
export async function baseUrl(run: Run<object>, manifest: Manifest): Promise<string> {
  if (manifest.domain !== undefined && run.flags.machine === undefined) return endpoint(manifest, manifest.domain);
  const [where] = machinesOf(manifest, run.flags.machine);
  if (where === undefined) throw new Failure("usage.invalid", "no machine");
  await using machine = await connect(where, run.ssh, run.context);
  const url = new URL(endpoint(manifest, machine.address));
  // This machine, whatever its name leads to.
  url.hostname = isIP(machine.address) === 6 ? `[${machine.address}]` : machine.address;
  return url.href;
}

/** What the flags say, on top of the request that there is without them. */
export async function callOptions(
  flags: CallFlags,
  manifest: Manifest,
  { request, golden }: Sample,
  signal: AbortSignal,
): Promise<CallOptions> {
  const named = manifest.domain ?? manifest.host;
  const data = flags.data?.startsWith("@") === true ? await readFile(flags.data.slice(1), "utf8") : flags.data;
  const body = data ?? (request?.body === undefined ? undefined : JSON.stringify(request.body));
  return {
    method: flags.method ?? request?.method ?? (body === undefined ? "GET" : "POST"),
    path: flags.path ?? request?.path ?? "/",
    headers: {
      ...(body === undefined
        ? {}
        : { "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) }),
      ...(named === undefined ? {} : { host: named }),
      ...(await ownKey(manifest, signal)),
      ...request?.headers,
      ...headersOf(flags.header ?? []),
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: manifest.limits.timeout,
    ...(manifest.domain === undefined ? {} : { servername: manifest.domain }),
    ...(golden === undefined ? {} : { golden }),
  };
}

function calledText(called: Called): string {
  const { timing } = called;
  const { dnsMs, connectMs, firstByteMs, queueMs, modelMs } = timing;
  const behind =
    queueMs === undefined || modelMs === undefined
      ? `first byte ${firstByteMs.toFixed(1)}`
      : `edge queue ${queueMs}, model ${modelMs}, way and edge ${Math.max(0, firstByteMs - queueMs - modelMs).toFixed(1)}`;
  const time = `${timing.totalMs} ms (dns ${dnsMs}, connect ${connectMs.toFixed(1)}, ${behind})`;
  return `${called.method} ${called.url} -> ${called.status}${called.release === undefined ? "" : ` from ${called.release}`}, ${time}\n${called.body}`;
}
