import { once } from "node:events";
import http from "node:http";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Ended } from "../../packages/dray/src/base/process.ts";
import { foreignImage } from "./foreign-image.ts";
import { APIS_IMAGE, broughtImage, makeStaticImage } from "./images.ts";
import { type Load, startLoad } from "./load.ts";
import { lastWords, predictionOf, type Traced } from "./said.ts";
import type { Vm } from "./vm.ts";

const TABLE = fileURLToPath(new URL("../fixtures/containers.json", import.meta.url));
/** While a release is replaced and taken back. */
const PER_SECOND = 20;

/** What a service wrote outlives it; the next one is somebody else's. */
const NO_DATA = "docker volume ls -q --filter name=dray-data-api | xargs -r docker volume rm";

/** A request of a client's, and what is in its answer. */
interface Call {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  /** How many headers of 200 bytes it has beside them. */
  many?: number;
  body?: unknown;
  text?: string;
  says: string;
}

/** A container as somebody brings it, and what Drayage says of it: word for word, but for names and times of the run. */
export interface Brought {
  name: string;
  /** Its number among the cases that were seen, or "beside" for a kind beside them. */
  case: string;
  /** Of brought.py; its image EXPOSEs 8080. */
  kind?: string;
  /** Another image than brought.py's. */
  from?: "apis" | "static" | "foreign";
  /** Lines of a Dockerfile that begins with brought.py, without EXPOSE. */
  dockerfile?: string[];
  manifest: Record<string, unknown>;
  golden?: unknown;
  files?: Record<string, string>;
  call?: Call;
  /** Asked when the release was replaced and taken back. */
  after?: Call;
  deploy: { code: number; says: string[] };
  trace: { code: number; prediction: string };
}

/** What came of one. */
export interface Met {
  deployed: boolean;
  /** Requests that failed while it was replaced and taken back. */
  lost: number;
  sent: number;
  /** What is not as the table has it. */
  untrue: string[];
  found: Pick<Brought, "deploy" | "trace">;
}

/** The table of what people bring. */
export async function readBrought(): Promise<Brought[]> {
  return JSON.parse(await readFile(TABLE, "utf8")) as Brought[];
}

/** A neighbour under a name of its own keeps the edge where it is: what is made once is not what people bring. */
export async function openBrought(vm: Vm): Promise<void> {
  const neighbour = {
    service: "neighbour",
    machine: vm.host,
    image: broughtImage("brought"),
    domain: "neighbour.test",
  };
  await vm.write("neighbour.yaml", JSON.stringify({ ...neighbour, tls: "off", keys: "off" }));
  const deployed = await vm.dray("deploy", "--yes", "--file", "neighbour.yaml");
  if (deployed.code !== 0) throw new Error(deployed.stderr);
}

/** Deploys one, traces it, calls it, replaces it under load, takes that back, and removes it. */
export async function bring(vm: Vm, brought: Brought): Promise<Met> {
  const written = await write(vm, brought);
  try {
    const deployed = await vm.dray("deploy", "--yes");
    const traced = await vm.dray("trace", "--json");
    const found = {
      deploy: { code: deployed.code, says: lastWords(deployed.stderr, /^this computer|^error/, vm) },
      trace: { code: traced.code, prediction: verdictOf(traced) },
    };
    const untrue = differences(brought, found);
    if (deployed.code !== 0) return { deployed: false, lost: 0, sent: 0, untrue, found };
    const { load, problems } = await replace(vm, brought);
    return { deployed: true, lost: load.failed, sent: load.sent, untrue: [...untrue, ...problems], found };
  } finally {
    await vm.dray("remove", "--yes");
    await vm.inside("sh", "-c", NO_DATA);
    for (const each of written) await rm(each, { recursive: true });
  }
}

/** A manifest that is refused has no trace. */
function verdictOf({ stdout }: Ended): string {
  const said = JSON.parse(stdout) as Traced | { error: { code: string } };
  return "error" in said ? said.error.code : predictionOf(said);
}

function differences(wanted: Brought, found: Met["found"]): string[] {
  const parts: [string, unknown, unknown][] = [
    ["deploy ends with", wanted.deploy.code, found.deploy.code],
    ["deploy says", wanted.deploy.says, found.deploy.says],
    ["trace ends with", wanted.trace.code, found.trace.code],
    ["trace says", wanted.trace.prediction, found.trace.prediction],
  ];
  return parts
    .map(([what, right, is]) => [what, JSON.stringify(right), JSON.stringify(is)])
    .filter(([, right, is]) => right !== is)
    .map(([what, right, is]) => `${what} ${is} and not ${right}`);
}

/** Replaces a release by its like, and goes back, while others call. */
async function replace(
  vm: Vm,
  { name, call, after, ...brought }: Brought,
): Promise<{ load: Load; problems: string[] }> {
  if (call === undefined) throw new Error(`${name} was deployed, and the table says no call`);
  const problems: string[] = [];
  const said = await ask(vm, call);
  if (!said.includes(call.says)) problems.push(`its answer is ${said.slice(0, 300)}`);
  const body = bodyOf(call);
  const load = startLoad(
    `http://${vm.address}${call.path}`,
    PER_SECOND,
    headersOf(call),
    call.method === "POST" ? { body: body ?? "", expect: call.says } : undefined,
  );
  await write(vm, { name, ...brought, manifest: secondOf(brought.manifest) });
  const second = await vm.dray("deploy", "--yes", "--wait");
  const back = await vm.dray("rollback", "--yes");
  const met = await load.stop();
  for (const each of [second, back]) if (each.code !== 0) problems.push(each.stderr.slice(-1000));
  if (met.releases.size !== 2) problems.push(`answers came of ${met.releases.size} releases`);
  if (met.failed > 0) problems.push(`${met.failed} of ${met.sent} were lost: ${met.problems[0]}`);
  const at = after === undefined ? "" : await ask(vm, after);
  if (after !== undefined && !at.includes(after.says)) problems.push(`afterwards it says ${at.slice(0, 300)}`);
  return { load: met, problems };
}

/** The same with another variable, which makes a release of its own. */
function secondOf(manifest: Record<string, unknown>): Record<string, unknown> {
  return { ...manifest, env: { ...(manifest["env"] as object | undefined), RELEASE: "second" } };
}

/** Not by fetch, which lets nobody say by what name it calls. */
async function ask(vm: Vm, call: Call): Promise<string> {
  const url = `http://${vm.address}${call.path}`;
  const request = http.request(url, { method: call.method ?? "GET", headers: headersOf(call), agent: false });
  request.end(bodyOf(call));
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  return await text(answer);
}

const bodyOf = ({ body, text: words }: Call): string | undefined =>
  words ?? (body === undefined ? undefined : JSON.stringify(body));

function headersOf({ body, headers = {}, many = 0 }: Call): Record<string, string> {
  const more = Array.from({ length: many }, (_none, index) => [`x-many-${index}`, "v".repeat(200)]);
  const kind = body === undefined ? {} : { "content-type": "application/json" };
  return { ...kind, ...headers, ...(Object.fromEntries(more) as Record<string, string>) };
}

/** Writes what somebody brings into the world's folder; resolves to the files, to be removed. */
async function write(vm: Vm, brought: Omit<Brought, "deploy" | "trace">): Promise<string[]> {
  const { dockerfile = [], kind, manifest, golden, files = {} } = brought;
  const source = await sourceOf(vm, brought);
  const env = { ...(kind === undefined ? {} : { KIND: kind }), ...(manifest["env"] as object | undefined) };
  const whole = JSON.stringify({ service: "api", machine: vm.host, keys: "off", ...source, ...manifest, env });
  const all: Record<string, string> = {
    "dray.yaml": whole.replaceAll('"@apis"', JSON.stringify(APIS_IMAGE)),
    ...(dockerfile.length === 0 ? {} : { Dockerfile: [`FROM ${broughtImage("bare")}`, ...dockerfile, ""].join("\n") }),
    ...(golden === undefined ? {} : { "golden.json": JSON.stringify(golden) }),
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    await mkdir(path.dirname(path.join(vm.folder, name)), { recursive: true });
    await writeFile(path.join(vm.folder, name), content);
  }
  return [...new Set(Object.keys(all).map((name) => path.join(vm.folder, name.split("/")[0] ?? name)))];
}

async function sourceOf(vm: Vm, { from, dockerfile }: Omit<Brought, "deploy" | "trace">): Promise<object> {
  if (dockerfile !== undefined) return { build: "." };
  if (from === "apis") return { image: APIS_IMAGE };
  if (from === "static") return { image: await makeStaticImage() };
  if (from === "foreign") return { image: await foreignImage(vm.folder, process.arch === "arm64" ? "amd64" : "arm64") };
  return { image: broughtImage("brought") };
}
