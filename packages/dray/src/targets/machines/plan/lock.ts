import type { Lease } from "./work.ts";
import { randomBytes } from "node:crypto";
import { sleep } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import { quote } from "../../../base/process.ts";
import { isDead, thisProcess } from "../../../base/computer.ts";
import { journalOf } from "./journal.ts";
import { beatOf, LEASE_S, Pulse } from "./lease.ts";
import type { Edge } from "../../../edge/edge.ts";
import { alone } from "../../../edge/script.ts";
import { HOME } from "../../../edge/state.ts";

const RETIRE_PATIENCE_MS = 20_000;
const POLL_MS = 40;
/** Retiring is not urgent, and several may poll at once: together they must not keep a machine busy. */
const RETIRE_POLL_MS = 500;
/** How the owner of a lock begins that is held to retire old releases. */
export const RETIRING = "the retiring of old releases";

/** Where a service's lock is, in the edge's container. */
export const lockOf = (service: string): string => `${HOME}/lock-${service}`;

/**
 * Takes the lock: a folder in the edge's volume that is renamed into place with the lease already in it, and renamed
 * away before it is deleted, so that it is never seen half made or half gone. Only who clears an expired one away needs
 * to be alone: two who found the same one expired could otherwise clear away what the first has put there since.
 * To look at a lock that is held starts no program: many may wait. The machine's own clock counts, so skew does not matter.
 * @throws Failure service.locked, with who and since when
 */
export async function takeLock(edge: Edge, service: string, who: string, signal: AbortSignal): Promise<Lease> {
  const pollMs = who.startsWith(RETIRING) ? RETIRE_POLL_MS : POLL_MS;
  let dead: string | undefined;
  for (let patience = RETIRE_PATIENCE_MS; ; patience -= pollMs) {
    const lease = await tryLock(edge, service, who, dead);
    if ("release" in lease) return lease;
    // Whoever held it was killed on this computer: nobody needs to wait for the lease to run out.
    dead = lease.token !== dead && (await isDead(lease.holder)) ? lease.token : undefined;
    if (dead !== undefined) continue;
    // What retires old releases holds the lock for moments only, and never instead of a person.
    // A lock without an owner was being released while we looked.
    const brief = lease.owner === undefined || lease.owner.startsWith(RETIRING);
    if (patience <= 0 || !brief) throw locked(lease, service);
    await sleep(pollMs, signal);
  }
}

/** Somebody else's lock; without an owner it is just being released. */
interface Held {
  owner?: string;
  /** The process that holds it, as `thisProcess` says. */
  holder?: string;
  token?: string;
  /** How long it has been held, in seconds. */
  seconds: number;
}

/** The lock, or who has it. */
async function tryLock(edge: Edge, service: string, who: string, dead: string | undefined): Promise<Lease | Held> {
  const retires = who.startsWith(RETIRING);
  const journal = journalOf(service);
  const token = randomBytes(8).toString("hex");
  const lock = lockOf(service);
  const own = `${lock}.${token}`;
  const isExpired = `until=0; held=; read -r until < ${lock}/expires; read -r held < ${lock}/token; [ "\${until:-0}" -le $EPOCHSECONDS ] || [ "$held" = "${dead ?? "nobody"}" ]`;
  const whoHolds = `read -r owner < ${lock}/owner; read -r holder < ${lock}/holder; read -r held < ${lock}/token; echo "HELD $EPOCHSECONDS $held $holder $owner"`;
  const said = await edge.runAndRead(
    [
      `{ if [ -d ${lock} ] && ! { ${isExpired}; }; then ${whoHolds}; else`,
      `if [ -d ${lock} ]; then`,
      ...alone([`{ ${isExpired}; } && mv -T ${lock} ${own}.stale && rm -rf ${own}.stale`]),
      "fi",
      `mkdir ${own} && echo $((EPOCHSECONDS + ${LEASE_S})) > ${own}/expires`,
      `echo ${token} > ${own}/token; echo ${quote(await thisProcess())} > ${own}/holder; echo ${quote(who)} since $EPOCHSECONDS > ${own}/owner`,
      `if mv -T ${own} ${lock}; then echo TAKEN; ${retires ? "" : `cat ${journal}; `}else ${whoHolds}; rm -rf ${own}; fi`,
      "fi; } 2>/dev/null",
    ].join("\n"),
  );
  if (!said.includes("TAKEN")) return held(said);
  const [, left = ""] = said.split("TAKEN");
  // A lease that is not ours any more is neither renewed nor given back.
  const mine = (act: string): Promise<string> =>
    edge.run(
      `{ held=; read -r held < ${lock}/token; if [ "$held" = ${token} ]; then ${act}; else owner=; read -r owner < ${lock}/owner; echo "TAKEN $owner"; fi; } 2>/dev/null`,
    );
  const renew = `echo $((EPOCHSECONDS + ${LEASE_S})) > ${lock}/.new && mv ${lock}/.new ${lock}/expires && echo KEPT || echo UNWRITTEN`;
  const pulse = new Pulse(service, async () => beatOf(await mine(renew)));
  return {
    left: left.trim(),
    during: async (context, act) => await pulse.during(context, act),
    release: async () => {
      pulse[Symbol.dispose]();
      await mine(`${retires ? "" : `rm -f ${journal}; `}mv -T ${lock} ${own}.gone && rm -rf ${own}.gone`);
    },
  };
}

function held(said: string): Held {
  const [, now, token, holder, owner, since] = /HELD (\d+) (\S+) (\S+) (.*) since (\d+)/.exec(said) ?? [];
  if (owner === undefined || token === undefined || holder === undefined) return { seconds: 0 };
  return { owner, token, holder, seconds: Number(now) - Number(since) };
}

function locked({ owner = "somebody", seconds }: Held, service: string): Failure {
  return new Failure("service.locked", `${owner} has been changing ${service} for ${seconds} s`, {
    hint: `wait for it; a lock whose owner died ends by itself within ${LEASE_S} s`,
  });
}
