import { randomBytes } from "node:crypto";
import { sleep } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { quote } from "../../base/process.ts";
import type { Edge } from "../../machine/edge.ts";
import { alone, HOME } from "../../machine/edge-script.ts";

/** A lease ends by itself this long after its owner was last heard of. */
const LEASE_S = 30;
const HEARTBEAT_MS = 10_000;
const RETIRE_PATIENCE_MS = 20_000;
const POLL_MS = 40;
/** How the owner of a lock begins that is held to retire old releases. */
export const RETIRING = "the retiring of old releases";

/** A lock on one service of one machine. */
export interface Lease {
  release(): Promise<void>;
}

/**
 * Takes the lock: a folder in the edge's volume with the lease in it. Looking at it and taking it, renewing it and
 * giving it back are each done alone: who finds an expired lease would otherwise clear away the one that another has
 * just taken in its place. The machine's own clock counts, so skew does not matter.
 * @throws Failure service.locked, with who and since when
 */
export async function takeLock(edge: Edge, service: string, who: string, signal: AbortSignal): Promise<Lease> {
  for (let patience = RETIRE_PATIENCE_MS; ; patience -= POLL_MS) {
    const lease = await tryLock(edge, service, who);
    if ("release" in lease) return lease;
    // What retires old releases holds the lock for moments only, and never instead of a person.
    // A lock without an owner was being released while we looked.
    const brief = lease.owner === undefined || lease.owner.startsWith(RETIRING);
    if (patience <= 0 || !brief) throw locked(lease, service);
    await sleep(POLL_MS, signal);
  }
}

/** Somebody else's lock; without an owner it is just being released. */
interface Held {
  owner?: string;
  /** How long it has been held, in seconds. */
  seconds: number;
}

/** The lock, or who has it. */
async function tryLock(edge: Edge, service: string, who: string): Promise<Lease | Held> {
  const token = randomBytes(8).toString("hex");
  const lock = `${HOME}/lock-${service}`;
  const said = await edge.runAndRead(
    alone([
      `if [ -d ${lock} ] && [ "$(cat ${lock}/expires 2>/dev/null || echo 0)" -le $EPOCHSECONDS ]; then rm -rf ${lock}; fi`,
      `if mkdir ${lock} 2>/dev/null; then`,
      `echo $((EPOCHSECONDS + ${LEASE_S})) > ${lock}/expires; echo ${token} > ${lock}/token; echo ${quote(who)} since $EPOCHSECONDS > ${lock}/owner; echo TAKEN`,
      `else echo "HELD $EPOCHSECONDS $(cat ${lock}/owner)"; fi`,
    ]).join("\n"),
  );
  if (!said.includes("TAKEN")) return held(said);
  // A lease that is not ours any more is neither renewed nor given back.
  const mine = (act: string): Promise<string> =>
    edge.run(alone([`[ "$(cat ${lock}/token 2>/dev/null)" = ${token} ] && ${act}`]).join("\n"));
  const beat = setInterval(() => {
    // A link that is gone ends the command elsewhere.
    mine(`echo $((EPOCHSECONDS + ${LEASE_S})) > ${lock}/expires`).catch(() => clearInterval(beat));
  }, HEARTBEAT_MS);
  beat.unref();
  return {
    release: async () => {
      clearInterval(beat);
      await mine(`rm -rf ${lock}`);
    },
  };
}

function held(said: string): Held {
  const [, now, owner, since] = /HELD (\d+) (.*) since (\d+)/.exec(said) ?? [];
  return owner === undefined ? { seconds: 0 } : { owner, seconds: Number(now) - Number(since) };
}

function locked({ owner = "somebody", seconds }: Held, service: string): Failure {
  return new Failure("service.locked", `${owner} has been changing ${service} for ${seconds} s`, {
    hint: `wait for it; a lock whose owner died ends by itself within ${LEASE_S} s`,
  });
}
