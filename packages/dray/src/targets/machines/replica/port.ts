import { isDeepStrictEqual } from "node:util";
import { deadline, until } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { type Answer, compareGolden, type Golden } from "../../../core/golden.ts";
import { explainNotReady, listeners } from "./diagnose.ts";
import type { Work, Started } from "../plan/work.ts";
import { openAsker } from "./prove.ts";
import { isHttp2 } from "../../../probes/replica.ts";

/**
 * A port that listens for others: it answers the golden request as expected, with its status only, it speaks HTTP, HTTP/2
 * without HTTP/1.1 (as gRPC does), or nothing that is known.
 */
export interface Spoken {
  port: number;
  says: "golden" | "status" | "http" | "http2" | "nothing";
}

/** What is known of a container's ports at one moment. */
export interface Ports {
  found: readonly Spoken[];
  /** Those that the image names (EXPOSE). */
  documented: readonly number[];
  /** Is there a golden request, which one of them should answer? */
  golden: boolean;
  /** No port opened lately. */
  settled: boolean;
  /** There is no time left to wait. */
  late: boolean;
}

/**
 * The port that the API is on: the one that answers the golden request; without one, the only one of those documented
 * that speaks HTTP, which gRPC beside it does not. Undefined: not known yet. A list: several could be it, and a wrong guess would publish one that was
 * never meant to be.
 */
export function choosePort({ found, documented, golden, settled, late }: Ports): number | number[] | undefined {
  const saying = (...words: Spoken["says"][]): number[] =>
    found.filter(({ says }) => words.includes(says)).map(({ port }) => port);
  for (const right of [saying("golden"), settled ? saying("status") : []]) {
    const [one, ...others] = right;
    // Two that answer alike may be the API and one for its own people.
    if (one !== undefined) return others.length === 0 ? one : right;
  }
  const open = found.map(({ port }) => port);
  const closed = documented.filter((port) => !open.includes(port));
  if (!late && (golden || closed.length > 0 || !settled)) return undefined;
  const named = found.filter(({ port }) => documented.length === 0 || documented.includes(port));
  const speaking = named.filter(({ says }) => says === "http" || says === "status").map(({ port }) => port);
  const [only, ...more] = speaking.length === 0 ? named.map(({ port }) => port) : speaking;
  if (only === undefined) return undefined;
  // One that is documented and still shut may be the one that was meant.
  return more.length === 0 && closed.length === 0 ? only : [...(speaking.length === 0 ? open : speaking), ...closed];
}

const AGAIN_MS = 200;
/** Ports that belong together open about at once. */
const SETTLED_MS = 1500;
const PATIENCE_MS = 2000;

/** The port that a replica's API listens on, found by asking. @throws Failure image.several-ports, image.no-port, release.* */
export async function findPort(work: Work, replica: Started, context: Context): Promise<number> {
  const { readyMs } = work.release.settings.limits;
  const { machine } = work.site;
  using limit = deadline(readyMs, context.signal);
  const documented = await exposed(work, replica, context.signal);
  let seen: number[] = [];
  let since = performance.now();
  let last: Ports | undefined;
  const look = async (): Promise<number | number[] | undefined> => {
    const all = await listeners(machine, replica.container, work.edgeImage, limit.signal);
    const open = [...new Set(all.filter((each) => !each.loopback).map((each) => each.port))].toSorted((a, b) => a - b);
    if (!isDeepStrictEqual(open, seen)) [seen, since] = [open, performance.now()];
    const found = await Promise.all(open.map((port) => ask(work, { ...replica, port }, limit.signal)));
    const settled = open.length > 0 && performance.now() - since >= SETTLED_MS;
    last = { found, documented, golden: work.golden.length > 0, settled, late: false };
    return choosePort(last);
  };
  const chosen = await until(look, AGAIN_MS, limit.signal).catch(async (error: unknown) => {
    context.signal.throwIfAborted();
    const rest = last === undefined ? undefined : choosePort({ ...last, late: true });
    if (rest !== undefined) return rest;
    throw await explainNotReady(machine, { ...replica, image: work.edgeImage }, { readyMs }, error);
  });
  if (typeof chosen === "number") return chosen;
  throw severalPorts(chosen, last?.found ?? []);
}

const SAID: Record<Spoken["says"], string> = {
  golden: "answers the golden request",
  status: "answers the golden request with its status",
  http: "answers HTTP",
  http2: "speaks HTTP/2 only, as gRPC does",
  nothing: "listens",
};

function severalPorts(ports: readonly number[], found: readonly Spoken[]): Failure {
  const said = ports.map((port) => {
    const says = found.find((each) => each.port === port)?.says;
    return `${port} ${says === undefined ? "is named by the image and does not listen" : SAID[says]}`;
  });
  return new Failure(
    "image.several-ports",
    `the API could be on any of the ports ${ports.join(", ")} of its container`,
    {
      hint: `say which one clients are to reach: port: ${ports[0]}; with a golden request the port that answers it is found`,
      details: said,
    },
  );
}

async function exposed(work: Work, { container }: Started, signal: AbortSignal): Promise<number[]> {
  interface Inspected {
    Config: { ExposedPorts?: Record<string, object> | null };
  }
  const found = await work.site.machine.engine.get<Inspected>(`/containers/${container}/json`, { signal });
  return Object.keys(found.Config.ExposedPorts ?? {})
    .filter((each) => each.endsWith("/tcp"))
    .map((each) => Number.parseInt(each, 10));
}

/** How near an answer comes to the one expected; how long it takes counts only when the release is warm. */
function nearness(golden: Golden, answer: Answer): Spoken["says"] {
  const { withinMs: _later, ...expect } = golden.expect;
  if (compareGolden({ ...golden, expect }, answer).length === 0) return "golden";
  return answer.status === expect.status ? "status" : "http";
}

/** Asks a port the golden request, else what a readiness probe asks. */
async function ask(work: Work, at: Started, signal: AbortSignal): Promise<Spoken> {
  const [golden] = work.golden;
  const { port } = at;
  const asker = openAsker(work, at, signal);
  try {
    const path = work.release.settings.ready ?? "/";
    const answer = await asker.ask(golden?.request ?? { method: "GET", path }, PATIENCE_MS);
    return { port, says: golden === undefined ? "http" : nearness(golden, answer) };
  } catch (error) {
    // Not HTTP, or not yet; only the end of the whole search is an error.
    signal.throwIfAborted();
    return { port, says: isHttp2(error) ? "http2" : "nothing" };
  } finally {
    asker.close();
  }
}
