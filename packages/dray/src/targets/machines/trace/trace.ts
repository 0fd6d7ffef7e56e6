import type { Session } from "../../../contract/session.ts";
import { whereOf } from "../plan/site.ts";
import type { TraceWanted } from "../../../contract/target.ts";
import { isIP } from "node:net";
import { deadline, since } from "drayage-clock";
import type { Context } from "../../../core/context.ts";
import { type Dialled, type Evidence, type Exchange, served } from "../../../core/evidence.ts";
import type { Trace } from "../../../core/trace.ts";
import { walk } from "../../../core/walk.ts";
import { isLocal } from "../../../machine/machine.ts";
import type { Reach } from "../../../machine/ssh.ts";
import { addressInName, askName } from "../../../probes/dns.ts";
import { exchange } from "../../../probes/http.ts";
import { dialTcp } from "../../../probes/tcp.ts";
import { askTls } from "../../../probes/tls.ts";
import { lookInside, readRules } from "./inside.ts";
import { reachOf } from "./reach.ts";
import { followPacket } from "../../../probes/packet.ts";
import { askCloud } from "./cloud.ts";
import { askDescribed } from "./described.ts";
import { type Traced, tracedOf } from "./target.ts";

const DIAL_MS = 4000;
/** Long enough for a second packet, TCP's first repetition. */
const AGAIN_MS = 1300;

/** A host that answers when this computer is online, on the ports that networks let out. */
const CONTROL_HOST = process.env["DRAY_CONTROL_HOST"] ?? "1.1.1.1";
const SSH_PORT = 22;

/**
 * Walks the way from this computer to the model and says where it breaks, and why. What lies behind the break is asked
 * from inside. @throws Failure usage.invalid; what is wrong with the way is no error here
 */
export async function trace(wanted: TraceWanted, session: Session): Promise<Trace> {
  const startedAt = performance.now();
  const { signal } = session;
  const { place } = wanted;
  await using reach = place === undefined ? undefined : await reachOf(place, session);
  const target = await tracedOf(wanted, reach?.address, signal);
  const [outside, inside] = await Promise.all([
    askOutside(target, reach, signal),
    reach === undefined ? {} : lookInside(reach, target, place !== undefined && isLocal(whereOf(place)), signal),
  ]);
  const found: Evidence = { now: Date.now(), target: target.facts, ...inside, ...outside };
  const [why, described] = await Promise.all([
    askWhy(found, reach, wanted, session),
    askDescribed(target, found, signal),
  ]);
  return walk({ ...found, ...why, ...(described === undefined ? {} : { described }) }, since(startedAt));
}

/**
 * The proof at the end of a deploy: the request from here. Only when it does not arrive is the whole way walked.
 * @throws Failure usage.invalid
 */
export async function proof(wanted: TraceWanted & { address: string }, session: Session): Promise<Trace> {
  const { signal } = session;
  const startedAt = performance.now();
  const target = await tracedOf(wanted, wanted.address, signal);
  const outside = await askOutside(target, undefined, signal);
  const found: Evidence = { now: Date.now(), target: target.facts, ...outside };
  if (!served(found)) return await trace(wanted, session);
  const described = await askDescribed(target, found, signal);
  return walk({ ...found, ...(described === undefined ? {} : { described }) }, since(startedAt));
}

/** What a client meets: name, connection, TLS, answer. */
async function askOutside(target: Traced, reach: Reach | undefined, signal: AbortSignal): Promise<Partial<Evidence>> {
  const { facts } = target;
  const name = facts.literal ? undefined : await askName(facts.host, signal);
  const machine = await machineAddresses(reach, signal);
  const named =
    name === undefined ? {} : { name: { ...name, machine, ...(await saidByName(facts, name.code, signal)) } };
  const addresses = facts.literal ? [facts.host] : [...(name?.a ?? []), ...(name?.aaaa ?? [])];
  if (addresses.length === 0) return named;
  const dials = addresses.slice(0, 6).map(async (address) => ({
    address,
    family: isIP(address) === 6 ? (6 as const) : (4 as const),
    dialled: await dialTcp(address, facts.port, DIAL_MS, signal),
  }));
  const answer = firstOpen(dials.map(async (dial) => (await dial).dialled)).then((open) =>
    open ? exchange({ ...target.asked, url: facts.url }, signal) : undefined,
  );
  const [tcp, answered, tls] = await Promise.all([
    Promise.all(dials),
    answer,
    facts.https ? secured(dials, facts, signal) : undefined,
  ]);
  const open = tcp.some((each) => each.dialled.outcome === "open");
  // Plain HTTP that is answered with nothing, or with a complaint about itself, may have met TLS.
  const suspicious =
    !facts.https &&
    open &&
    (answered?.outcome === "reset" || answered?.outcome === "not-http" || answered?.status === 400);
  const late = suspicious ? await askTls(facts, AGAIN_MS, signal) : tls;
  return {
    ...named,
    tcp,
    answer: answered ?? { outcome: outcomeOf(tcp[0]?.dialled), ms: tcp[0]?.dialled.ms ?? 0 },
    ...(late === undefined ? {} : { tls: late }),
  };
}

async function secured(
  dials: Promise<{ dialled: Dialled }>[],
  facts: Traced["facts"],
  signal: AbortSignal,
): Promise<Evidence["tls"]> {
  const open = await firstOpen(dials.map(async (dial) => (await dial).dialled));
  return open ? await askTls(facts, DIAL_MS, signal) : undefined;
}

/** True as soon as one is open; false when none is. */
async function firstOpen(dials: Promise<Dialled>[]): Promise<boolean> {
  const opened = dials.map(async (dial) => {
    if ((await dial).outcome !== "open") throw new Error("not this one");
    return true;
  });
  return await Promise.any(opened).catch(() => false);
}

function outcomeOf(dialled: Dialled | undefined): Exchange["outcome"] {
  const outcome = dialled?.outcome;
  return outcome === "refused" || outcome === "timeout" ? outcome : "unreachable";
}

/** The machine's own addresses, as far as this computer can tell: what ssh would connect to. */
async function machineAddresses(reach: Reach | undefined, signal: AbortSignal): Promise<string[]> {
  if (reach === undefined) return [];
  if (isIP(reach.address) !== 0) return [reach.address];
  const { a, aaaa } = await askName(reach.address, signal);
  return [...a, ...aaaa];
}

/** Where the resolver has nothing, the name itself may say the address. */
async function saidByName(
  facts: Traced["facts"],
  code: string | undefined,
  signal: AbortSignal,
): Promise<{ said?: Dialled }> {
  const address = code === undefined ? undefined : addressInName(facts.host);
  return address === undefined ? {} : { said: await dialTcp(address, facts.port, AGAIN_MS, signal) };
}

/** Asked only when no connection was possible: is it this computer's network, and did the packet reach the machine? */
async function askWhy(
  found: Evidence,
  reach: Reach | undefined,
  { place, clouds = [] }: TraceWanted,
  context: Context,
): Promise<Partial<Evidence>> {
  const { signal } = context;
  const { target, tcp = [] } = found;
  if (/^(127\.|::1$)/.test(target.host) || target.host === "localhost") return {};
  if (tcp.some((each) => each.dialled.outcome === "open") && found.ssh?.code === undefined) return {};
  const dial = (host: string, port: number): Promise<Dialled> => dialTcp(host, port, AGAIN_MS, signal);
  const [control, controlPort, ssh, packet, cloud] = await Promise.all([
    dial(CONTROL_HOST, 443),
    dial(CONTROL_HOST, target.port),
    reach === undefined ? undefined : dial(reach.address, SSH_PORT),
    follow(found, reach, signal),
    askCloud(found, { address: reach?.address, name: place?.name, clouds }, context),
  ]);
  return {
    route: { control, controlPort, controlHost: CONTROL_HOST, ...(ssh === undefined ? {} : { ssh }) },
    ...(packet === undefined ? {} : { packet }),
    ...(cloud === undefined ? {} : { cloud }),
  };
}

/** Sends one more packet between two readings of the machine's counters. */
async function follow(found: Evidence, reach: Reach | undefined, signal: AbortSignal): Promise<Evidence["packet"]> {
  const [first] = found.tcp ?? [];
  if (reach === undefined || first === undefined || found.machine?.rules === undefined) return undefined;
  if ((found.tcp ?? []).some((each) => each.dialled.outcome === "open")) return undefined;
  using limit = deadline(AGAIN_MS * 3, signal);
  try {
    const before = await readRules(reach, limit.signal);
    await dialTcp(first.address, found.target.port, AGAIN_MS, signal);
    const after = await readRules(reach, limit.signal);
    const inner = (found.edge ?? found.app)?.published.map((each) => each.port) ?? [];
    return followPacket(before, after, [found.target.port, ...inner]);
  } catch {
    // Counters that could not be read are no evidence; the walk says that they are missing.
    signal.throwIfAborted();
    return undefined;
  }
}
