import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import type { Release } from "../../../core/release.ts";
import type { WeightsUse } from "../../../core/weights.ts";
import type { EdgeState } from "../../../edge/state.ts";
import { type Engine, isMissing, isTaken } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";

const ROLE = "dray.role=weights";
const ID_LABEL = "dray.weights";

/** Where a content lies on a machine, for all releases that use it. */
export const weightsVolume = (id: string): string => `dray-weights-${id.slice(0, 32)}`;

/**
 * An empty volume beside it says that the content is whole. To list volumes costs one question, and a look into one would
 * cost a container.
 */
const wholeVolume = (id: string): string => `${weightsVolume(id)}.whole`;

/** Volumes of weights: those of contents on their way, and those of contents that are whole. */
async function volumesOf(engine: Engine, signal: AbortSignal): Promise<Map<string, string>> {
  const { Volumes } = await engine.get<{ Volumes: { Name: string; Labels: Record<string, string> | null }[] | null }>(
    "/volumes",
    { query: { filters: { label: [ROLE] } }, signal },
  );
  return new Map((Volumes ?? []).map(({ Name, Labels }) => [Name, Labels?.[ID_LABEL] ?? ""]));
}

/** The contents that a machine has whole. */
export async function listWeights(engine: Engine, signal: AbortSignal): Promise<string[]> {
  const volumes = await volumesOf(engine, signal);
  const ids = new Set(volumes.values());
  return [...ids].filter((id) => volumes.has(weightsVolume(id)) && volumes.has(wholeVolume(id)));
}

export async function makeWeightsVolume(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  await make(engine, weightsVolume(id), id, signal);
}

/** Notes that a content is whole. */
export async function markWhole(engine: Engine, id: string, signal: AbortSignal): Promise<void> {
  await make(engine, wholeVolume(id), id, signal);
}

async function make(engine: Engine, name: string, id: string, signal: AbortSignal): Promise<void> {
  const body = { Name: name, Labels: { "dray.role": "weights", [ID_LABEL]: id } };
  await engine.post("/volumes/create", { body, signal });
}

/** An engine would make a volume that is gone anew, and empty. @throws Failure weights.missing */
export async function mustHaveWeights(
  { engine, name: machine }: Pick<Machine, "engine" | "name">,
  { settings: { weights = {} } }: Release,
  signal: AbortSignal,
): Promise<void> {
  if (Object.keys(weights).length === 0) return;
  const whole = await listWeights(engine, signal);
  const lacking = Object.entries(weights).find(([, { id }]) => !whole.includes(id));
  if (lacking === undefined) return;
  throw new Failure("weights.missing", `the weights ${lacking[0]} were removed from ${machine} a moment ago`, {
    hint: "run the same command again: it fetches them",
  });
}

/** A release's weights as its containers see them; never filled from the image. */
export function weightsMounts({ settings }: Release): object[] {
  return Object.values(settings.weights ?? {}).map(({ id, at }) => ({
    Type: "volume",
    Source: weightsVolume(id),
    Target: at,
    ReadOnly: true,
    VolumeOptions: { NoCopy: true, Labels: { "dray.role": "weights", [ID_LABEL]: id } },
  }));
}

/** Removes what no kept release of the machine uses. A volume that a container has mounted stays: the engine sees to that. */
export async function pruneWeights(engine: Engine, state: EdgeState, { signal }: Context): Promise<void> {
  const releases = Object.values(state.services).flatMap(({ releases: kept }) => kept.map(({ release }) => release));
  const used = new Set(releases.flatMap(({ settings }) => Object.values(settings.weights ?? {}).map(idOf)));
  for (const [name, id] of sortedWholeFirst(await volumesOf(engine, signal))) {
    if (used.has(id)) continue;
    await engine.call("DELETE", `/volumes/${name}`, { signal }).catch((error: unknown) => {
      if (!isMissing(error) && !isTaken(error)) throw error;
    });
  }
}

const idOf = ({ id }: WeightsUse): string => id;

/** Killed in between, a content without its mark is looked at again; a mark without its content would be a lie. */
function sortedWholeFirst(volumes: ReadonlyMap<string, string>): [string, string][] {
  return [...volumes].toSorted(([a], [b]) => Number(b.endsWith(".whole")) - Number(a.endsWith(".whole")));
}
