import type { Duplex } from "node:stream";
import { within } from "drayage-clock";
import type { Undo } from "../../../core/carry-out.ts";
import { type Context, under } from "../../../core/context.ts";
import { keptOf } from "../../../edge/state.ts";
import { imageName } from "../image/bring.ts";
import { containerName, replicaContainer } from "../container/container.ts";
import type { Work, Started } from "../plan/work.ts";
import { freeAddress } from "../container/network.ts";
import { edgeOf } from "../plan/observe.ts";
import { explainRefusedContainer, imageConfig } from "../container/program.ts";
import { secretsOf } from "../container/secrets.ts";
import { mustHaveWeights } from "../container/weights-volumes.ts";

/** Starts one replica of a new release. */
export async function startNew(work: Work, index: number, context: Context): Promise<{ undo: Undo; started: Started }> {
  const { site, release } = work;
  const { engine } = site.machine;
  if (work.subnet === undefined) throw new TypeError("no network for a replica");
  await mustHaveWeights(site.machine, release, context.signal);
  const address = freeAddress(work.subnet, work.taken);
  work.taken.add(address);
  const container = containerName(release, index);
  const port = release.settings.port ?? 0;
  const line = openLine(work, { address, port }, context);
  // An image of the engine here is named by its id; everything else was carried, and has a name of ours.
  const image = release.image.startsWith("sha256:") ? release.image : imageName(release);
  const undo: Undo = async (fresh) => {
    await engine.call("DELETE", `/containers/${container}`, { query: { force: true, v: true }, signal: fresh.signal });
  };
  const config = await imageConfig(engine, image, context);
  const body = replicaContainer(release, { replica: index, image, address, config, secrets: secretsOf(release) });
  const explain = (error: unknown): unknown => explainRefusedContainer(error, release, site.machine.name);
  const { signal } = context;
  await engine.post("/containers/create", { query: { name: container }, body, signal }).catch((error: unknown) => {
    throw explain(error);
  });
  try {
    await engine.post(`/containers/${container}/start`, { signal });
  } catch (error) {
    await within(10_000, undefined, (fresh) => undo(under(context, fresh)));
    throw explain(error);
  }
  return { undo, started: { container, address, port, ...line } };
}

/** A connection to a replica, made ready while the replica starts: asking it later costs one round trip instead of four. */
function openLine(
  work: Work,
  at: { address: string; port: number },
  context: Context,
): { line?: Promise<() => Duplex> } {
  if (at.port === 0) return {};
  const line = edgeOf(work.site).line(at.address, at.port, work.release.settings.limits.readyMs, context.signal);
  // The caller awaits this promise later; until then, its rejection is not an unhandled one.
  line.catch(() => undefined);
  return { line };
}

/** Starts a replica that was kept: stopped, or still finishing its last requests. */
export async function startAgain(
  work: Work,
  index: number,
  context: Context,
): Promise<{ undo?: Undo; started: Started }> {
  const { engine } = work.site.machine;
  const { signal } = context;
  // As it is under the lock: only now is it sure that nobody retires it at this moment.
  const service = edgeOf(work.site).known.services[work.release.service];
  const kept = service && keptOf(service, work.release.id);
  const replica = kept?.replicas[index];
  if (replica === undefined) throw new TypeError(`replica ${index} of ${work.release.id} is not kept`);
  const started: Started = { ...replica, ...openLine(work, replica, context) };
  const running = work.seen.containers.some((container) => container.name === replica.container && container.running);
  if (running && kept?.stopping !== true) return { started };
  // It was told to stop and may end at any moment: end it now, so that it starts clean.
  if (running) await engine.post(`/containers/${replica.container}/stop`, { query: { t: 0 }, signal });
  await engine.post(`/containers/${replica.container}/start`, { signal });
  return {
    started,
    undo: async (fresh) => {
      await engine.post(`/containers/${replica.container}/stop`, { query: { t: 1 }, signal: fresh.signal });
    },
  };
}
