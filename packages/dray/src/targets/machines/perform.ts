import type { Context } from "../../core/context.ts";
import type { Perform, Undo } from "../../core/carry-out.ts";
import { type EdgeState, type Kept, type Replica, type ServiceState } from "../../machine/edge-config.ts";
import { isTaken } from "../../machine/engine.ts";
import { bring, imageName } from "./bring.ts";
import { setUpEdge } from "./edge-setup.ts";
import type { Job, Started } from "./job.ts";
import { type Lease, takeLock } from "./lock.ts";
import { edgeOf, openEdge } from "./observe.ts";
import type { MachineStep } from "./plan.ts";
import { findPort, proveReplica } from "./prove.ts";
import { startAgain, startNew } from "./replica.ts";

/** Does the steps of one machine's plan. */
export function performer(job: Job): Perform<MachineStep> {
  const replicas: Started[] = [];
  const goldenMs: number[] = [];
  let lease: Lease | undefined;
  const { release, site } = job;

  return async (step, context) => {
    switch (step.kind) {
      case "edge": {
        await job.supplyEdge(site, context);
        job.subnet = await setUpEdge(site.machine, job.edgeImage, step.port, context);
        site.edge = await openEdge(site.machine, context.signal);
        return;
      }
      case "lock": {
        lease = await takeLock(edgeOf(site), release.service, job.who, context.signal);
        return { undo: async () => await lease?.release() };
      }
      case "carry": {
        const note = await bring(job, step, context);
        return {
          note,
          undo: async (fresh) => {
            await site.machine.engine.call("DELETE", `/images/${imageName(release)}`, { signal: fresh.signal });
          },
        };
      }
      case "start": {
        const { started, ...result } = await (step.again ? startAgain : startNew)(job, step.replica, context);
        replicas[step.replica] = started;
        return result;
      }
      case "prove": {
        const replica = replicas[step.replica];
        if (replica === undefined) throw new TypeError("a replica that was not started");
        if (replica.port === 0) replica.port = await findPort(job, replica.container, context);
        goldenMs.push(...(await proveReplica(job, replica, context)));
        return goldenMs.length > 0 ? { note: `golden ${Math.max(...goldenMs)} ms` } : {};
      }
      case "switch": {
        return await switchTraffic(job, replicas, goldenMs, context);
      }
      case "record": {
        await Promise.all(replicas.map((replica) => keepRunning(job, replica, context)));
        return;
      }
      case "unlock": {
        await lease?.release();
        return;
      }
    }
  };
}

async function switchTraffic(
  job: Job,
  replicas: readonly Started[],
  goldenMs: readonly number[],
  context: Context,
): Promise<{ undo: Undo; note: string }> {
  const { release, site, seen } = job;
  const edge = edgeOf(site);
  const now = new Date().toISOString();
  const kept: Kept = {
    release,
    replicas: replicas.map(({ container, address, port }) => ({ container, address, port })),
    deployedAt: now,
  };
  const elapsed = (): number => Math.round(performance.now() - job.startedAt);
  let old: ServiceState | undefined;
  const { how } = await edge.change(
    release.service,
    (state) => {
      old = state.services[release.service];
      return withRelease(state, kept);
    },
    (before) => ({
      at: now,
      who: job.who,
      service: release.service,
      release: release.id,
      before: before.services[release.service]?.current,
      digest: release.digest,
      commit: release.from.commit,
      goldenMs,
      bytesSent: job.bytesSent,
      ms: elapsed(),
    }),
  );
  context.emit({ type: "serving", on: seen.machine, release: release.id, ms: elapsed() });
  return {
    note: how === "switched" ? "no reload" : "edge reloaded",
    undo: async () => {
      const undone = { at: new Date().toISOString(), service: release.service, undone: release.id };
      await edge.change(
        release.service,
        (state) => withService(state, release.service, old),
        () => undone,
      );
    },
  };
}

/** The state in which a service is as it was; undefined: not there. */
function withService(state: EdgeState, name: string, service: ServiceState | undefined): EdgeState {
  const { [name]: _gone, ...others } = state.services;
  return { ...state, services: service === undefined ? others : { ...others, [name]: service } };
}

/** The state in which a release gets the traffic; the one before stays kept. */
export function withRelease(state: EdgeState, kept: Kept): EdgeState {
  const { service, id, settings } = kept.release;
  const old = state.services[service];
  const previous = old?.current === id ? old.previous : old?.current;
  return {
    ...state,
    services: {
      ...state.services,
      [service]: {
        service,
        ...(settings.domain === undefined ? {} : { domain: settings.domain }),
        current: id,
        ...(previous === undefined ? {} : { previous }),
        releases: [...(old?.releases ?? []).filter((each) => each.release.id !== id), kept],
      },
    },
  };
}

/** From here on the engine brings the replica back after a crash or a reboot. */
async function keepRunning(job: Job, replica: Replica, context: Context): Promise<void> {
  await job.site.machine.engine
    .post(`/containers/${replica.container}/update`, {
      body: { RestartPolicy: { Name: "unless-stopped" } },
      signal: context.signal,
    })
    .catch((error: unknown) => {
      if (!isTaken(error)) throw error;
    });
}
