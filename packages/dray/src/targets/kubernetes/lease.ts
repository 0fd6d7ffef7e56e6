import { sleep } from "drayage-clock";
import { isDead, thisProcess } from "../../base/computer.ts";
import { asFailure, Failure } from "../../base/failure.ts";
import type { Kube } from "./client/api.ts";
import { recordName } from "./objects/names.ts";
import { HOLDER, leaseOf, type LeaseObject } from "./objects/record.ts";

const LEASE_S = 30;
const HEARTBEAT_MS = 10_000;
const POLL_MS = 200;
const RETIRE_PATIENCE_MS = 20_000;
/** How the owner of a lock begins that is held to retire old releases: it is held for moments only. */
export const RETIRING_HOLDER = "the retiring of old releases";

/** A lock on a service of a namespace. */
export interface Lock {
  /** @throws Failure service.locked, when somebody else has it now */
  stillMine(): void;
  /** Gives it back. */
  release(kube: Kube): Promise<void>;
}

/**
 * Takes the lock: a Lease that is made, or replaced in the version that was read, so that of two only one succeeds. The API
 * server's clock counts. @throws Failure service.locked
 */
export async function takeLease(kube: Kube, service: string, who: string, signal: AbortSignal): Promise<Lock> {
  for (let patience = RETIRE_PATIENCE_MS; ; patience -= POLL_MS) {
    const held = await kube.find<LeaseObject>("Lease", recordName(service));
    const other = held === undefined ? undefined : await holderOf(held, kube.now());
    if (other === undefined) {
      const mine = await put(kube, service, who, held);
      if (mine !== undefined) return beating(kube, service, who, mine);
    } else if (patience <= 0 || !other.who.startsWith(RETIRING_HOLDER)) {
      throw locked(other, service);
    }
    await sleep(POLL_MS, signal);
  }
}

/** Who holds a lease now, and for how many seconds it has been so. */
async function holderOf(
  { spec = {}, metadata }: LeaseObject,
  now: number,
): Promise<{ who: string; ago: number } | undefined> {
  const { holderIdentity: who = "", renewTime = "", leaseDurationSeconds = 0 } = spec;
  const ago = (now - Date.parse(renewTime)) / 1000;
  if (who === "" || !(ago < leaseDurationSeconds)) return undefined;
  // Whoever held it was killed on this computer: nobody needs to wait for the lease to run out.
  return (await isDead(metadata.annotations?.[HOLDER])) ? undefined : { who, ago };
}

/** Undefined: somebody was quicker. */
async function put(
  kube: Kube,
  service: string,
  who: string,
  before: LeaseObject | undefined,
): Promise<LeaseObject | undefined> {
  const held = { who, at: stamp(kube), seconds: LEASE_S, process: await thisProcess() };
  const lease = leaseOf(service, held, {
    version: before?.metadata.resourceVersion,
    owner: before?.metadata.ownerReferences?.[0],
  });
  try {
    return await (before === undefined ? kube.create(lease) : kube.replace(lease));
  } catch (error) {
    if (asFailure(error).code === "kubernetes.changed") return undefined;
    throw error;
  }
}

/** A Lease's times have microseconds. */
const stamp = (kube: Kube): string => new Date(kube.now()).toISOString().replace("Z", "000Z");

function beating(kube: Kube, service: string, who: string, first: LeaseObject): Lock {
  let mine: LeaseObject | undefined = first;
  let lost = false;
  const renew = async (at: Kube, holder: string): Promise<void> => {
    if (mine === undefined) return;
    const before = mine;
    mine = await put(at, service, holder, before);
    lost ||= mine === undefined;
  };
  // A link that is gone ends the command elsewhere.
  let turn: Promise<void> = Promise.resolve();
  const beat = setInterval(() => {
    turn = turn.then(() => renew(kube, who)).catch(() => undefined);
  }, HEARTBEAT_MS);
  beat.unref();
  return {
    stillMine: () => {
      if (lost)
        throw new Failure("service.locked", `somebody else took the lock on ${service}`, {
          hint: "dray status; then run the same command again",
        });
    },
    release: async (at) => {
      clearInterval(beat);
      await turn;
      await renew(at, "");
    },
  };
}

function locked({ who, ago }: { who: string; ago: number }, service: string): Failure {
  return new Failure(
    "service.locked",
    `${who} is changing ${service}: heard of ${Math.max(0, Math.round(ago))} s ago`,
    {
      hint: `wait for it; a lock whose owner died ends by itself within ${LEASE_S} s`,
    },
  );
}
