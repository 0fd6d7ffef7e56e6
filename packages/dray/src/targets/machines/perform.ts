import { supplyEdge } from "./image/edge-image.ts";
import { within } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import { type Context, under } from "../../core/context.ts";
import type { Perform, Undo } from "../../core/carry-out.ts";
import type { Replica } from "../../edge/state.ts";
import { isTaken } from "../../machine/engine.ts";
import { runBefore } from "./replica/before.ts";
import { bring, imageName } from "./image/bring.ts";
import { awaitCertificate, tellKeeper } from "./keeper/certificate.ts";
import { setUpEdge } from "./traffic/edge-setup.ts";
import type { Work, Watcher } from "./plan/work.ts";
import { type JournalEntry, readJournalEntry } from "drayage-record";
import { noteStep, tellLeft } from "./plan/journal.ts";
import { takeLock } from "./plan/lock.ts";
import { edgeOf, openEdge } from "./plan/observe.ts";
import type { MachineStep, MachineRollout } from "./plan/steps.ts";
import { findPort } from "./replica/port.ts";
import { proveReplica } from "./replica/prove.ts";
import { startAgain, startNew } from "./replica/replica.ts";
import { removeStrays } from "./traffic/prune.ts";
import { handOver, setAlerts } from "./keeper/keeper-secrets.ts";
import { beginShadow, watchShadow } from "./traffic/shadow.ts";
import { moveServices } from "./traffic/move.ts";
import { setUpNetwork } from "./traffic/network-setup.ts";
import { giveShare, switchTraffic } from "./traffic/switch.ts";
import { setUpWall } from "./container/wall.ts";
import { fetchWeights } from "./image/weights.ts";
import { startBeside } from "./replica/with.ts";
import { Trial } from "./traffic/trial.ts";

type Of<Kind extends MachineStep["kind"]> = MachineStep & { kind: Kind };
type Done = ReturnType<Perform<MachineStep>>;
type Act<Kind extends MachineStep["kind"]> = (step: Of<Kind>, work: Work, context: Context) => Done;

/** Long enough to take back what one step began; the plan's own signal may have ended already. */
const TAKE_BACK_MS = 60_000;

/** What is done for each kind of step. */
const ACTS: { [Kind in MachineStep["kind"]]: Act<Kind> } = {
  edge: async (step, work, context) => {
    const { site } = work;
    await supplyEdge(work, context);
    await setUpEdge(site.machine, work.edgeImage, step, context);
    site.edge = await openEdge(site.machine, context.signal);
  },
  keeper: async (step, work, context) => await tellKeeper(work, step, context),
  certificate: async (step, work, context) => {
    const note = await awaitCertificate(work, step.host, context);
    work.secured = true;
    return { note };
  },
  network: async (step, work, context) => {
    work.subnet = await setUpNetwork(work.site, step.network, context.signal);
  },
  move: async (step, work, context) => await moveServices(work, step.services, context),
  wall: async (_step, work, context) => {
    await supplyEdge(work, context);
    await setUpWall(work.site.machine.engine, work.edgeImage, context.signal);
  },
  lock: async (step, work, context) => {
    const lease = await takeLock(edgeOf(work.site), work.release.service, work.who, context.signal);
    work.lease = lease;
    noteStep(work, step, context);
    const left = readJournalEntry(lease.left);
    if (left === undefined && lease.left.trim() !== "") context.emit({ type: "warning", text: UNREADABLE });
    await clearAway(work, left, context);
    return { undo: async () => await lease.release() };
  },
  carry: async (step, work, context) => {
    const note = await bring(work, step, context);
    const image = `/images/${imageName(work.release)}`;
    return {
      note,
      undo: async ({ signal }) => void (await work.site.machine.engine.call("DELETE", image, { signal })),
    };
  },
  alerts: async (_step, { site, release, alerts }, { signal }) =>
    await setAlerts(site.machine.engine, release.service, alerts === "nobody" ? undefined : alerts, signal),
  secrets: async (step, { site, release }, { secrets, signal }) => {
    const values = new Map([...secrets].filter(([name]) => step.names.includes(name)));
    return {
      undo: await handOver(site.machine.engine, release, { values, how: step.merge ? "merge" : "seal" }, signal),
    };
  },
  with: async (step, work, context) => await startBeside(work, step, context),
  before: async (step, work, context) => await runBefore(work, step.argv, context),
  weights: async (step, work, context) => ({ note: await fetchWeights(work, step, context) }),
  "stop-old": async (step, work, context) => await stopOld(work, step.containers, context),
  start: async (step, work, context) => {
    const { started, ...result } = await (step.again ? startAgain : startNew)(work, step.replica, context);
    work.replicas[step.replica] = started;
    return result;
  },
  prove: async (step, work, context) => {
    const replica = work.replicas[step.replica];
    if (replica === undefined) throw new TypeError("a replica that was not started");
    if (replica.port === 0) replica.port = await findPort(work, replica, context);
    work.goldenMs.push(...(await proveReplica(work, replica, context)));
    return work.goldenMs.length > 0 ? { note: `golden ${Math.max(...work.goldenMs)} ms` } : {};
  },
  shadow: copyRequests,
  canary: async (step, work, context) => {
    const trial = trialOf(work, step.rollout, context);
    const undo = await giveShare(work, work.replicas, step.share, context);
    try {
      // A machine that boots must bring back both of those that share the traffic.
      await keepAllRunning(work, context);
      return { undo, note: await trial.watch(step.share, step.rollout.every, context) };
    } catch (error) {
      // Nobody else knows yet that this was begun.
      await within(TAKE_BACK_MS, undefined, (fresh) => undo(under(context, fresh)));
      throw error;
    }
  },
  switch: async (_step, work, context) => {
    // Side by side, but only the switch can fail: what has the traffic must stay, whatever its restart policy is.
    const lasting = Promise.allSettled(work.replicas.map((replica) => keepRunning(work, replica, context)));
    const switched = await switchTraffic(work, work.replicas, work.goldenMs, context);
    for (const each of await lasting) {
      if (each.status === "rejected") context.emit({ type: "warning", text: notLasting(each.reason) });
    }
    return switched;
  },
  bake: async (step, work, context) => ({
    note: await trialOf(work, step.rollout, context).watch(100, step.ms, context),
  }),
  unlock: async (_step, work) => await work.lease?.release(),
};

/** Does one step of a machine's plan. @throws Failure */
export async function perform(step: MachineStep, work: Work, context: Context): Done {
  // The switch is one round trip, which this would double; the state itself says whether it was done.
  if (work.lease !== undefined && !QUICK.has(step.kind)) noteStep(work, step, context);
  // The key picks the act for this kind of step, which the compiler does not follow.
  const act = ACTS[step.kind] as Act<MachineStep["kind"]>;
  return await (work.lease?.during(context, (inner) => act(step, work, inner)) ?? act(step, work, context));
}

function trialOf(work: Work, rollout: MachineRollout, context: Context): Watcher {
  work.trial ??= new Trial(work, work.replicas, rollout);
  work.trial.listen(context);
  return work.trial;
}

async function copyRequests(step: Of<"shadow">, work: Work, context: Context): Done {
  const undo = await beginShadow(work, work.replicas, step.shadow);
  if (step.shadow.for === undefined) {
    await keepAllRunning(work, context);
    return { undo };
  }
  try {
    return { note: await watchShadow(work, step.shadow, context) };
  } finally {
    await within(TAKE_BACK_MS, undefined, (fresh) => undo(under(context, fresh)));
  }
}

async function keepAllRunning(work: Work, context: Context): Promise<void> {
  await Promise.all(work.replicas.map((replica) => keepRunning(work, replica, context)));
}

function notLasting(reason: unknown): string {
  return `after a crash or a reboot the engine will not bring this release back: ${asFailure(reason).message}`;
}

async function stopOld(work: Work, containers: readonly string[], context: Context): Promise<{ undo: Undo }> {
  const { engine } = work.site.machine;
  const all = async (act: string, signal: AbortSignal, body?: object): Promise<void> => {
    await Promise.all(containers.map((container) => engine.post(`/containers/${container}/${act}`, { body, signal })));
  };
  await all("update", context.signal, { RestartPolicy: { Name: "no" } });
  await all("stop?t=10", context.signal);
  return {
    undo: async (fresh) => {
      await all("start", fresh.signal);
      await all("update", fresh.signal, { RestartPolicy: { Name: "always" } });
    },
  };
}

const QUICK: ReadonlySet<MachineStep["kind"]> = new Set(["switch", "unlock"]);

const UNREADABLE =
  "somebody was interrupted, and their journal on the machine cannot be read: what they left is removed once old releases are retired";

/** What somebody left who was interrupted: finishes what had the traffic, removes what had not. */
async function clearAway(work: Work, left: JournalEntry | undefined, context: Context): Promise<void> {
  if (left === undefined) return;
  const { service } = work.release;
  const known = edgeOf(work.site).known.services[service];
  tellLeft(left, known?.current, context);
  const trial = known?.candidate;
  // A rollback's own replicas may be among what is left: they stay, and so does what is still on trial until the switch.
  const staying = (known?.releases ?? []).flatMap((kept) => kept.replicas);
  await removeStrays(work.site, service, new Set(staying.map((replica) => replica.container)), context);
  // Images that it left go when old releases are retired. This release's own arrives meanwhile, and an engine that removes
  // an image's last name while the same one gets another removes the image.
  const current = known?.releases.find((kept) => kept.release.id === known.current);
  if (trial === undefined && current?.release.id === left.release)
    await Promise.all(current.replicas.map((replica) => bringBack(work, replica, context)));
}

/** A replica that has the traffic: an engine that was killed just after the switch did not know yet that it is to stay. */
async function bringBack(work: Work, replica: Replica, context: Context): Promise<void> {
  try {
    await work.site.machine.engine.post(`/containers/${replica.container}/start`, { signal: context.signal });
    await keepRunning(work, replica, context);
  } catch (error) {
    context.signal.throwIfAborted();
    context.emit({ type: "warning", text: notLasting(error) });
  }
}

/**
 * From here on the engine brings the replica back after a crash or a reboot. Not `unless-stopped`: an engine that was
 * killed stops, when it is back, what it finds running, and then takes it for stopped by hand (Docker 20.10).
 */
async function keepRunning(work: Work, replica: Replica, context: Context): Promise<void> {
  await work.site.machine.engine
    .post(`/containers/${replica.container}/update`, {
      body: { RestartPolicy: { Name: "always" } },
      signal: context.signal,
    })
    .catch((error: unknown) => {
      if (!isTaken(error)) throw error;
    });
}
