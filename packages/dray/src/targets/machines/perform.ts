import { within } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import { type Context, under } from "../../core/context.ts";
import type { Perform, Undo } from "../../core/carry-out.ts";
import type { Replica } from "../../machine/edge-state.ts";
import { isTaken } from "../../machine/engine.ts";
import { bring, imageName } from "./bring.ts";
import { awaitCertificate, tellKeeper } from "./certificate.ts";
import { setUpEdge } from "./edge-setup.ts";
import type { Job, Started } from "./job.ts";
import { type Entry, journal, parseEntry, tellLeft } from "./journal.ts";
import { type Lease, takeLock } from "./lock.ts";
import { edgeOf, openEdge } from "./observe.ts";
import type { MachineStep } from "./steps.ts";
import { findPort } from "./port.ts";
import { proveReplica } from "./prove.ts";
import { startAgain, startNew } from "./replica.ts";
import { removeStrayImages, removeStrays } from "./retire.ts";
import { handOver, setAlerts } from "./secrets.ts";
import { startShadow, watchShadow } from "./shadow.ts";
import { moveServices } from "./move.ts";
import { setUpNetwork } from "./network-setup.ts";
import { giveShare, switchTraffic } from "./switch.ts";
import { setUpWall } from "./wall.ts";
import { Trial } from "./trial.ts";

/** Does the steps of one machine's plan. */
export function performer(job: Job): Perform<MachineStep> {
  const replicas: Started[] = [];
  const goldenMs: number[] = [];
  let lease: Lease | undefined;
  let trial: Trial | undefined;
  const { release, site } = job;
  const note = journal(job);
  // Asked now, so that the switch does not wait for it.
  void site.machine.login?.();

  return async (step, context) => {
    // The switch is one round trip, which this would double; the state itself says whether it was done.
    if (lease !== undefined && !QUICK.has(step.kind)) note(edgeOf(site), step);
    switch (step.kind) {
      case "edge": {
        await job.supplyEdge(site, context);
        await setUpEdge(site.machine, job.edgeImage, step, context);
        site.edge = await openEdge(site.machine, context.signal);
        return;
      }
      case "keeper": {
        await tellKeeper(job, step, context);
        return;
      }
      case "certificate": {
        const found = await awaitCertificate(job, step.host, context);
        job.secured = true;
        return { note: found };
      }
      case "network": {
        job.subnet = await setUpNetwork(site, step.network, context.signal);
        return;
      }
      case "move": {
        await moveServices(job, step.services, context);
        return;
      }
      case "wall": {
        await job.supplyEdge(site, context);
        await setUpWall(site.machine.engine, job.edgeImage, context.signal);
        return;
      }
      case "lock": {
        lease = await takeLock(edgeOf(site), release.service, job.who, context.signal);
        note(edgeOf(site), step);
        await clearAway(job, parseEntry(lease.left), context);
        return { undo: async () => await lease?.release() };
      }
      case "carry": {
        const brought = await bring(job, step, context);
        return {
          note: brought,
          undo: async (fresh) => {
            await site.machine.engine.call("DELETE", `/images/${imageName(release)}`, { signal: fresh.signal });
          },
        };
      }
      case "alerts": {
        await setAlerts(
          site.machine.engine,
          release.service,
          job.alerts === "nobody" ? undefined : job.alerts,
          context.signal,
        );
        return;
      }
      case "secrets": {
        const { engine } = site.machine;
        const values = new Map([...context.secrets].filter(([name]) => step.names.includes(name)));
        return { undo: await handOver(engine, release, values, step.merge, context.signal) };
      }
      case "stop-old": {
        return await stopOld(job, step.containers, context);
      }
      case "start": {
        const { started, ...result } = await (step.again ? startAgain : startNew)(job, step.replica, context);
        replicas[step.replica] = started;
        return result;
      }
      case "prove": {
        const replica = replicas[step.replica];
        if (replica === undefined) throw new TypeError("a replica that was not started");
        if (replica.port === 0) replica.port = await findPort(job, replica, context);
        goldenMs.push(...(await proveReplica(job, replica, context)));
        return goldenMs.length > 0 ? { note: `golden ${Math.max(...goldenMs)} ms` } : {};
      }
      case "shadow": {
        const undo = await startShadow(job, replicas, step.shadow);
        if (step.shadow.for === undefined) {
          await Promise.all(replicas.map((replica) => keepRunning(job, replica, context)));
          return { undo };
        }
        try {
          return { note: await watchShadow(job, step.shadow, context) };
        } finally {
          await within(60_000, undefined, (fresh) => undo(under(context, fresh)));
        }
      }
      case "canary": {
        trial ??= new Trial(job, replicas, step.rollout);
        trial.listen(context);
        const undo = await giveShare(job, replicas, step.share, context);
        try {
          // A machine that boots must bring back both of those that share the traffic.
          await Promise.all(replicas.map((replica) => keepRunning(job, replica, context)));
          return { undo, note: await trial.watch(step.share, step.rollout.every, context) };
        } catch (error) {
          // Nobody else knows yet that this was begun.
          await within(60_000, undefined, (fresh) => undo(under(context, fresh)));
          throw error;
        }
      }
      case "switch": {
        // Side by side, but only the switch can fail: what has the traffic must stay, whatever its restart policy is.
        const lasting = Promise.allSettled(replicas.map((replica) => keepRunning(job, replica, context)));
        const switched = await switchTraffic(job, replicas, goldenMs, context);
        for (const each of await lasting) {
          if (each.status === "rejected") context.emit({ type: "warning", text: notLasting(each.reason) });
        }
        return switched;
      }
      case "bake": {
        trial ??= new Trial(job, replicas, step.rollout);
        trial.listen(context);
        return { note: await trial.watch(100, step.ms, context) };
      }
      case "unlock": {
        await lease?.release();
        return;
      }
    }
  };
}

function notLasting(reason: unknown): string {
  return `after a crash or a reboot the engine will not bring this release back: ${asFailure(reason).message}`;
}

async function stopOld(job: Job, containers: readonly string[], context: Context): Promise<{ undo: Undo }> {
  const { engine } = job.site.machine;
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

/** What somebody left who was interrupted: finishes what had the traffic, removes what had not. */
async function clearAway(job: Job, left: Entry | undefined, context: Context): Promise<void> {
  if (left === undefined) return;
  const { service } = job.release;
  const known = edgeOf(job.site).known.services[service];
  tellLeft(left, known?.current, context);
  const trial = known?.candidate;
  // A rollback's own replicas may be among what is left: they stay, and so does what is still on trial until the switch.
  const staying = (known?.releases ?? []).flatMap((kept) => kept.replicas);
  await removeStrays(job.site, service, new Set(staying.map((replica) => replica.container)), context);
  // This release's own image arrives meanwhile.
  const ids = [job.release.id, ...(known?.releases ?? []).map((kept) => kept.release.id)];
  await removeStrayImages(job.site, service, ids, context);
  const current = known?.releases.find((kept) => kept.release.id === known.current);
  if (trial === undefined && current?.release.id === left.release)
    await Promise.all(current.replicas.map((replica) => bringBack(job, replica, context)));
}

/** A replica that has the traffic: an engine that was killed just after the switch did not know yet that it is to stay. */
async function bringBack(job: Job, replica: Replica, context: Context): Promise<void> {
  try {
    await job.site.machine.engine.post(`/containers/${replica.container}/start`, { signal: context.signal });
    await keepRunning(job, replica, context);
  } catch (error) {
    context.signal.throwIfAborted();
    context.emit({ type: "warning", text: notLasting(error) });
  }
}

/**
 * From here on the engine brings the replica back after a crash or a reboot. Not `unless-stopped`: an engine that was
 * killed stops, when it is back, what it finds running, and then takes it for stopped by hand (Docker 20.10).
 */
async function keepRunning(job: Job, replica: Replica, context: Context): Promise<void> {
  await job.site.machine.engine
    .post(`/containers/${replica.container}/update`, {
      body: { RestartPolicy: { Name: "always" } },
      signal: context.signal,
    })
    .catch((error: unknown) => {
      if (!isTaken(error)) throw error;
    });
}
