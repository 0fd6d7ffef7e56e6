import { deadline, since, within } from "drayage-clock";
import { asFailure } from "../../../base/failure.ts";
import type { ContainerFacts, Evidence, Exchange, MachineFacts, RecordFacts, Rule } from "../../../core/evidence.ts";
import { type Edge, EDGE } from "../../../edge/edge.ts";
import type { Machine } from "../../../machine/machine.ts";
import type { Reach } from "../../../machine/ssh.ts";
import { listenersScript, readListeners } from "../../../probes/bind.ts";
import { askContainer } from "../../../probes/container.ts";
import { type Asked, exchange } from "../../../probes/http.ts";
import {
  dialScript,
  factsScript,
  parseDial,
  parseFacts,
  parseRules,
  RULES_SCRIPT,
} from "../../../probes/machine-facts.ts";
import { askRecord, listContainers } from "../../../probes/record.ts";
import { openEdge } from "../plan/observe.ts";
import type { Traced } from "./target.ts";

/** Nothing inside is worth more time than this; a machine that is busy needs some. */
const PATIENCE_MS = 15_000;
const ASK_MS = 2500;
const LOOK = { method: "GET", headers: {} };

/** What the machine itself can say, whatever of it works: shell, engine, record, containers, and requests from inside. */
export async function lookInside(
  reach: Reach,
  target: Traced,
  here: boolean,
  signal: AbortSignal,
): Promise<Partial<Evidence>> {
  using limit = deadline(PATIENCE_MS, signal);
  const startedAt = performance.now();
  try {
    const machine = await reach.machine;
    const login = here ? {} : { ssh: { ms: since(startedAt) } };
    await using _closing = machine;
    return { ...login, ...(await lookAround(reach, machine, target, limit.signal)) };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = asFailure(error);
    const ms = since(startedAt);
    if (code.startsWith("ssh.")) return { ssh: { ms, code, message } };
    const facts = await within(PATIENCE_MS, signal, (at) => shellFacts(reach, target, at)).catch(() => ({}));
    // Whatever else went wrong is not the engine's word, and no row of the table may take it for one.
    const engine = code.startsWith("docker.") ? { ms, code, message } : { ms, code: "docker.failed", message };
    return { ...(here ? {} : { ssh: { ms } }), engine, ...facts };
  }
}

/** The rules of the machine's packet filter with their counters. */
export async function readRules(reach: Reach, signal: AbortSignal): Promise<Rule[]> {
  return parseRules((await reach.shell(RULES_SCRIPT, signal)).stdout);
}

async function shellFacts(
  reach: Reach,
  target: Traced,
  signal: AbortSignal,
): Promise<{ machine?: MachineFacts; loopback?: NonNullable<Evidence["loopback"]> }> {
  const script = factsScript([dialScript("loopback", "127.0.0.1", target.facts.port)]);
  const { stdout } = await reach.shell(script, signal);
  const loopback = parseDial(stdout, "loopback");
  const machine = parseFacts(stdout);
  return { ...(machine === undefined ? {} : { machine }), ...(loopback === undefined ? {} : { loopback }) };
}

async function lookAround(
  reach: Reach,
  machine: Machine,
  target: Traced,
  signal: AbortSignal,
): Promise<Partial<Evidence>> {
  const { facts } = target;
  const { engine, version } = machine;
  const startedAt = performance.now();
  const shell = shellFacts(reach, target, signal);
  shell.catch(() => undefined);
  const clock = async (): Promise<number> => (await shell).machine?.clock ?? Date.now() / 1000;
  const [edge, listed] = await Promise.all([openEdge(machine, signal), listContainers(engine, signal)]);
  const ms = since(startedAt);
  const [record, edgeFacts] = await Promise.all([
    askRecord({ engine, edge, listed }, facts, signal),
    facts.container === undefined ? askContainer(engine, EDGE, clock, signal) : undefined,
  ]);
  const name = facts.container ?? replicaOf(record, listed) ?? publisher(listed, facts);
  const app = name === undefined ? null : await askContainer(engine, name, clock, signal);
  const byHand = facts.container !== undefined;
  const seen = byHand ? { ...record, edge: "none" as const, traffic: [] } : record;
  // The release knows its own readiness path; the manifest may leave it out.
  const at =
    byHand || record.ready === undefined ? target : { ...target, facts: { ...facts, readyPath: record.ready } };
  const [asked, pull, edgeDial] = await Promise.all([
    app === null ? {} : askContainerItself(reach, at, { app, record: seen }, signal),
    app === null ? askPull(machine, facts.image, signal) : undefined,
    app === null || byHand || edge === undefined ? undefined : dialFromEdge(edge, app, record),
  ]);
  return {
    engine: { ms, version: version.Version, architecture: version.Arch },
    ...(await shell),
    record: seen,
    target: at.facts,
    ...(edgeFacts === null || edgeFacts === undefined ? {} : { edge: edgeFacts }),
    app,
    ...asked,
    ...(pull === undefined ? {} : { pull }),
    ...(edgeDial === undefined ? {} : { edgeDial }),
  };
}

const EDGE_DIAL_MS = 1000;

async function dialFromEdge(edge: Edge, app: ContainerFacts, record: RecordFacts): Promise<Evidence["edgeDial"]> {
  const at = record.replicas.find((each) => each.container === app.name);
  if (at === undefined || app.address === "") return undefined;
  const startedAt = performance.now();
  const reaches = await edge.reaches(app.address, at.port, EDGE_DIAL_MS);
  return { outcome: reaches === undefined ? "timeout" : reaches ? "open" : "refused", ms: since(startedAt) };
}

/** The replica to look at: one that does not run, when there is one. */
function replicaOf(record: RecordFacts, listed: readonly { Names: string[]; State: string }[]): string | undefined {
  const running = new Set(listed.filter((each) => each.State === "running").flatMap((each) => each.Names));
  const bad = record.replicas.find((each) => !running.has(`/${each.container}`));
  return (bad ?? record.replicas[0])?.container;
}

/** Without a service or a name: the container that publishes the port, when it is clear which one is meant. */
function publisher(
  listed: readonly { Names: string[]; Ports: { PublicPort?: number }[] }[],
  facts: Traced["facts"],
): string | undefined {
  if (facts.service !== undefined) return undefined;
  const [one, ...more] = listed.filter((each) => each.Ports.some((port) => port.PublicPort === facts.port));
  return one === undefined || more.length > 0 ? undefined : one.Names[0]?.slice(1);
}

/** From the machine to the container, past the edge: what it listens on, whether it is ready, and the request itself. */
async function askContainerItself(
  reach: Reach,
  target: Traced,
  { app, record }: { app: ContainerFacts; record: RecordFacts },
  signal: AbortSignal,
): Promise<Partial<Evidence>> {
  if (app.pid === 0 || app.address === "") return {};
  const { facts, asked } = target;
  const port = portOf(app, record, facts);
  const lines = [
    `echo "--binds"; ${listenersScript(app.pid)}`,
    ...(port === undefined ? [] : [dialScript("container", app.address, port)]),
  ];
  const said = reach.shell(lines.join("\n"), signal).then(({ stdout }) => stdout);
  const bindsIn = (stdout: string): Pick<Evidence, "binds"> => {
    const binds = readListeners(stdout);
    return binds === undefined ? {} : { binds };
  };
  if (port === undefined) return bindsIn(await said);
  const dial = (): ReturnType<Reach["dial"]> => reach.dial(app.address, port);
  const base = `http://${app.address}:${port}`;
  const { protocol } = target;
  const ask = (request: Omit<Asked, "url" | "timeoutMs">, path: string, host: string): Promise<Exchange> => {
    const headers = { ...request.headers, host };
    return exchange({ ...request, headers, url: base + path, timeoutMs: ASK_MS, dial, protocol }, signal);
  };
  const [stdout, ready, predict] = await Promise.all([
    said,
    ask(LOOK, facts.readyPath, target.insideHost),
    ask(asked, ownPath(facts), target.insideHost),
  ]);
  // Is it the request that is refused, or the name it carries?
  const refused = predict.status === 400 || predict.status === 403;
  const asLocalhost = refused ? await ask(asked, ownPath(facts), "localhost") : undefined;
  const containerDial = parseDial(stdout, "container");
  return {
    ...bindsIn(stdout),
    ...(containerDial === undefined ? {} : { containerDial: { ...containerDial, address: app.address, port } }),
    ready,
    predict,
    ...(asLocalhost === undefined ? {} : { asLocalhost }),
  };
}

/** The port of the container that requests are led to. */
function portOf(app: ContainerFacts, record: RecordFacts, facts: Traced["facts"]): number | undefined {
  const published = app.published.find((each) => each.hostPort === facts.port) ?? app.published[0];
  const recorded = record.replicas.find((each) => each.container === app.name)?.port;
  return published?.port ?? (recorded === 0 ? undefined : recorded) ?? app.exposed[0];
}

/** Could the machine get the image at all? */
async function askPull(
  machine: Machine,
  image: string | undefined,
  signal: AbortSignal,
): Promise<{ denied: boolean; message: string } | undefined> {
  if (image === undefined) return undefined;
  try {
    await machine.engine.get(`/distribution/${image}/json`, { signal });
    return { denied: false, message: "" };
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    return { denied: /denied|unauthorized|authentication required|forbidden/i.test(message), message };
  }
}

/** The path as the container knows it. */
function ownPath({ url, prefix = "" }: Traced["facts"]): string {
  const { pathname } = new URL(url);
  return pathname.startsWith(prefix) ? pathname.slice(prefix.length) || "/" : pathname;
}
