import { Failure } from "../../../base/failure.ts";
import { agentOver, ask, wholeBody } from "../../../base/request.ts";
import { within } from "drayage-clock";
import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import type { Reached } from "../../../contract/reached.ts";
import type { Called, CallOptions } from "../../../core/call.ts";
import { keptOf } from "../../../edge/state.ts";
import { keptBytes, wrongIn } from "../../../probes/call.ts";
import { answerOf } from "../../../probes/replica.ts";
import { inspectState } from "../replica/diagnose.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { withSite } from "../plan/site.ts";
import { serviceOn } from "../plan/service-on.ts";

/** Where one replica of a release listens, behind the edge. */
export interface Door {
  release: string;
  address: string;
  port: number;
}

const CONNECT_MS = 3000;

/**
 * One release of a service, past the traffic: a replica of it is asked from the edge, as the edge asks it. A release on
 * trial and a shadow are reached like one that is kept. @throws Failure release.unknown, release.stopped
 */
export async function reachRelease(subject: Subject, release: string, session: Session): Promise<Reached> {
  const door = await withSite(subject.place, session, (site) => doorOf(site, subject.service, release, session));
  const base = `http://${door.address}:${door.port}`;
  return {
    base,
    url: base,
    call: (options, signal = session.signal) => {
      const now = { ...session, signal };
      return withSite(subject.place, now, (site) => callAt(site, door, options, signal));
    },
  };
}

/** Before anything is sent: a release that does not run says so at once. @throws Failure release.unknown, release.stopped */
export async function doorOf(
  site: Site,
  service: string,
  release: string,
  { signal }: Pick<Session, "signal">,
): Promise<Door> {
  const known = await serviceOn(site, service);
  if (known.shadow?.release === release) return await shadowDoor(site, service, release);
  const kept = keptOf(known, release);
  if (kept === undefined) {
    throw new Failure("release.unknown", `${release} is not kept on ${site.machine.name}`, {
      hint: `kept there: ${known.releases.map((each) => each.release.id).join(", ")}`,
    });
  }
  if (kept.release.settings.protocol === "h2c") {
    throw new Failure("target.unsupported", `${release} speaks HTTP/2 alone, and one release is asked by HTTP/1.1`, {
      hint: "dray request without --release goes by the edge, which speaks both",
    });
  }
  for (const { container, address, port } of kept.replicas) {
    const state = await inspectState(site.machine.engine, container, signal).catch(() => undefined);
    if (state?.Running === true) return { release, address, port };
  }
  throw new Failure("release.stopped", `${release} is kept on ${site.machine.name}, and none of its replicas runs`, {
    hint: "a release runs while it has traffic, is on trial, or is a shadow: dray shadow start",
  });
}

/** A shadow is none of the releases that are kept: where it listens, the keeper was told. */
async function shadowDoor(site: Site, service: string, release: string): Promise<Door> {
  const { keeper } = await edgeOf(site).state();
  const [server] = keeper?.shadows?.[service]?.servers ?? [];
  if (server === undefined) throw new Failure("release.stopped", `no replica of ${release} runs as a shadow`);
  const { hostname, port } = new URL(server);
  return { release, address: hostname, port: Number(port) };
}

/** Sends one request by a connection from the edge to the replica. @throws Failure request.failed */
async function callAt(site: Site, door: Door, options: CallOptions, signal: AbortSignal): Promise<Called> {
  const { address, port, release } = door;
  const { method, path, headers, body, timeoutMs } = options;
  const agent = agentOver(async () => (await edgeOf(site).line(address, port, CONNECT_MS, signal))(), 1);
  const startedAt = performance.now();
  try {
    return await within(timeoutMs, signal, async (limit) => {
      const sent = body === undefined ? {} : { body: body.bytes };
      const answer = await ask({ method, path, headers, ...sent, agent, signal: limit });
      const { statusCode: status = 0 } = answer;
      const whole = await wholeBody(answer);
      const totalMs = Math.round((performance.now() - startedAt) * 10) / 10;
      return {
        url: `http://${address}:${port}${path}`,
        method,
        status,
        release,
        headers: Object.fromEntries(Object.entries(answer.headers).map(([key, value]) => [key, String(value)])),
        body: whole.text,
        bytes: whole.bytes,
        sha256: whole.sha256,
        ...keptBytes(options, answer, whole),
        wrong: wrongIn(options, answerOf({ status, body: whole }, answer.headers["content-type"], totalMs)),
        timing: { totalMs },
      };
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new Failure("request.failed", `${release}: ${error instanceof Error ? error.message : String(error)}`, {
      hint: `dray logs --release ${release} shows what it said`,
      cause: error,
    });
  } finally {
    agent.destroy();
  }
}
