import type { Context } from "../../core/context.ts";
import type { Perform, Undo } from "../../core/carry-out.ts";
import type { Golden } from "../../core/golden.ts";
import type { Release } from "../../core/release.ts";
import { type EdgeState, type Kept, keptOf, type Replica } from "../../machine/edge-config.ts";
import { isTaken } from "../../machine/engine.ts";
import { carry } from "../../registries/direct.ts";
import { containerName, freeAddress, replicaContainer } from "./container.ts";
import { setUpEdge } from "./edge-setup.ts";
import { type Lease, takeLock } from "./lock.ts";
import { edgeOf, openEdge, type Seen, type Site } from "./observe.ts";
import type { MachineStep } from "./plan.ts";
import { findPort, proveReplica } from "./prove.ts";

/** What carrying out one machine's plan needs to know besides its steps. */
export interface Job {
  site: Site;
  seen: Seen;
  release: Release;
  golden: readonly Golden[];
  edgeImage: string;
  /** Brings the edge's image to the machine when it is not there. */
  supplyEdge: (site: Site, context: Context) => Promise<void>;
  /** Who runs the command: owner of the lock. */
  who: string;
  /** For times since the command began. */
  startedAt: number;
  /** Bytes that travelled, for the record. */
  bytesSent: number;
}

/** Does the steps of one machine's plan. */
export function performer(job: Job): Perform<MachineStep> {
  const replicas: Replica[] = [];
  const goldenMs: number[] = [];
  let lease: Lease | undefined;
  const { release, site } = job;
  const taken = new Set(job.seen.containers.flatMap((container) => container.address ?? []));

  return async (step, context) => {
    switch (step.kind) {
      case "edge": {
        await job.supplyEdge(site, context);
        await setUpEdge(site.machine, job.edgeImage, step.port, context);
        site.edge = await openEdge(site.machine, context.signal);
        return;
      }
      case "lock": {
        lease = await takeLock(edgeOf(site), release.service, job.who, context.signal);
        return { undo: async () => await lease?.release() };
      }
      case "carry": {
        const note = await bring(job, step, context);
        const image = `dray/${release.service}:${release.id}`;
        return {
          note,
          undo: async (fresh) => {
            await site.machine.engine.call("DELETE", `/images/${image}`, { signal: fresh.signal });
          },
        };
      }
      case "start": {
        if (step.again) return await startAgain(job, step.replica, replicas, context);
        return await startNew(job, step.replica, taken, replicas, context);
      }
      case "prove": {
        const replica = replicas[step.replica];
        if (replica === undefined) throw new TypeError("a replica that was not started");
        if (replica.port === 0)
          replica.port = await findPort(
            site.machine,
            replica.container,
            job.edgeImage,
            release.settings.limits.readyMs,
            context,
          );
        goldenMs.push(
          ...(await proveReplica(
            { machine: site.machine, edge: edgeOf(site) },
            { ...replica, image: job.edgeImage },
            release,
            job.golden,
            context,
          )),
        );
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

async function bring(job: Job, step: MachineStep & { kind: "carry" }, context: Context): Promise<string> {
  const { machine } = job.site;
  const { service, id, digest } = job.release;
  if (step.source.via === "pull") {
    const { reference } = step.source;
    for await (const _line of machine.engine.stream("POST", "/images/create", {
      query: { fromImage: reference },
      signal: context.signal,
    }));
    await machine.engine.post(`/images/${encodeURIComponent(reference)}/tag`, {
      query: { repo: `dray/${service}`, tag: id },
      signal: context.signal,
    });
    return "pulled";
  }
  let told = 0;
  const sent = await carry(
    machine,
    digest,
    service,
    id,
    (done, total) => {
      if (performance.now() - told < 100 && done < total) return;
      told = performance.now();
      context.emit({ type: "step.progress", step: "carry", on: step.on, done, total, unit: "bytes" });
    },
    context.signal,
  );
  job.bytesSent += sent;
  return `${(sent / 1e6).toFixed(2)} MB sent`;
}

async function startNew(
  job: Job,
  index: number,
  taken: Set<string>,
  replicas: Replica[],
  context: Context,
): Promise<{ undo: Undo }> {
  const { site, release } = job;
  const { engine } = site.machine;
  const address = await freeAddress(site.machine, taken, context.signal);
  taken.add(address);
  const container = containerName(release, index);
  const secrets = release.settings.secrets.map((name) => `${name}=${context.secrets.get(name)?.reveal() ?? ""}`);
  const env = [
    ...Object.entries(release.settings.env).map(([key, value]) => `${key}=${value}`),
    `DRAY_RELEASE=${release.id}`,
    ...secrets,
  ];
  const image =
    site.machine.name === "local" || release.digest === "" ? release.image : `dray/${release.service}:${release.id}`;
  const undo: Undo = async (fresh) => {
    await engine.call("DELETE", `/containers/${container}`, { query: { force: true, v: true }, signal: fresh.signal });
  };
  await engine.post("/containers/create", {
    query: { name: container },
    body: replicaContainer(release, index, image, address, env),
    signal: context.signal,
  });
  try {
    await engine.post(`/containers/${container}/start`, { signal: context.signal });
  } catch (error) {
    await undo({ ...context, signal: AbortSignal.timeout(10_000) });
    throw error;
  }
  replicas[index] = { container, address, port: release.settings.port ?? 0 };
  return { undo };
}

/** Starts a replica that was kept: stopped, or still finishing its last requests. */
async function startAgain(
  job: Job,
  index: number,
  replicas: Replica[],
  context: Context,
): Promise<{ undo: Undo } | Record<string, never>> {
  const { engine } = job.site.machine;
  const service = job.seen.state.services[job.release.service];
  const kept = service && keptOf(service, job.release.id);
  const replica = kept?.replicas[index];
  if (replica === undefined) throw new TypeError(`replica ${index} of ${job.release.id} is not kept`);
  replicas[index] = { ...replica };
  const running = job.seen.containers.some((container) => container.name === replica.container && container.running);
  if (running && kept?.stopping !== true) return {};
  // It was told to stop and may end at any moment: end it now, so that it starts clean.
  if (running) await engine.post(`/containers/${replica.container}/stop`, { query: { t: 0 }, signal: context.signal });
  await engine.post(`/containers/${replica.container}/start`, { signal: context.signal });
  return {
    undo: async (fresh) => {
      await engine.post(`/containers/${replica.container}/stop`, { query: { t: 1 }, signal: fresh.signal });
    },
  };
}

async function switchTraffic(
  job: Job,
  replicas: readonly Replica[],
  goldenMs: readonly number[],
  context: Context,
): Promise<{ undo: Undo; note: string }> {
  const { release, site, seen } = job;
  const edge = edgeOf(site);
  // Read again under the lock: what was observed before it may be old.
  const before = await edge.state();
  const now = new Date();
  const after = withRelease(before, { release, replicas: [...replicas], deployedAt: now.toISOString() });
  const how = await edge.apply(before, after, release.service, {
    at: now.toISOString(),
    who: job.who,
    service: release.service,
    release: release.id,
    before: before.services[release.service]?.current,
    digest: release.digest,
    commit: release.from.commit,
    goldenMs,
    bytesSent: job.bytesSent,
    ms: Math.round(performance.now() - job.startedAt),
  });
  context.emit({
    type: "serving",
    on: seen.machine,
    release: release.id,
    ms: Math.round(performance.now() - job.startedAt),
  });
  return {
    note: how === "switched" ? "no reload" : "edge reloaded",
    undo: async () => {
      await edge.apply(after, before, release.service, {
        at: new Date().toISOString(),
        service: release.service,
        undone: release.id,
      });
    },
  };
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
