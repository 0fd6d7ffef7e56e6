import type { Belonging } from "../../../contract/answers.ts";
import { Failure } from "../../../base/failure.ts";
import { EDGE } from "../../../edge/edge.ts";
import { type Engine, isMissing, isTaken } from "../../../machine/engine.ts";
import { RESTORE_ROLE } from "../container/labels.ts";
import { TURN } from "../container/one-setup.ts";
import type { Machine } from "../../../machine/machine.ts";
import { SHELF } from "./backup.ts";
import { belongings } from "./ours.ts";

/** A container that is never started. It stands from before a restore's first volume until the edge serves. */
const MARK = "dray-restore";
const VOLUMES_LABEL = "dray.restore.volumes";

/** What a restore that has not ended says of itself. */
export interface Mark {
  id: string;
  /** The volumes that it makes: they were not there before. */
  volumes: readonly string[];
}

/** What a killed restore has left goes; anything else stays, and is in the way. @throws Failure backup.in-use */
export async function makeRoomOn(
  { engine, name: machine }: Pick<Machine, "engine" | "name">,
  signal: AbortSignal,
): Promise<void> {
  const [found, mark] = await Promise.all([belongings(engine, signal), findMark(engine, signal)]);
  const held = found.filter(({ kind }) => kind === "volume" || kind === "container");
  const used = held.find((each) => mark === undefined || !isOf(mark, each));
  if (used !== undefined)
    throw new Failure("backup.in-use", `${machine} has ${used.kind} ${used.name} of dray already`, {
      hint: `a backup goes to a machine without services; dray machine clean ${machine} --data makes it one, and loses what is there`,
    });
  if (mark !== undefined) await takeBack(engine, mark, held, signal);
}

/** Says what will be made, before the first of it is. @throws Failure backup.in-use, where somebody else has just begun */
export async function setMark(
  engine: Engine,
  image: string,
  volumes: readonly string[],
  signal: AbortSignal,
): Promise<Mark> {
  const body = {
    Image: image,
    Entrypoint: [],
    Cmd: ["true"],
    Labels: { "dray.role": RESTORE_ROLE, [VOLUMES_LABEL]: JSON.stringify(volumes) },
    HostConfig: { NetworkMode: "none" },
  };
  try {
    const { Id: id } = await engine.post<{ Id: string }>("/containers/create", { query: { name: MARK }, body, signal });
    return { id, volumes };
  } catch (error) {
    throw isTaken(error) ? overtaken(error) : error;
  }
}

/** The mark of a restore that was killed, or still runs. */
async function findMark(engine: Engine, signal: AbortSignal): Promise<Mark | undefined> {
  interface Inspected {
    Id: string;
    Config: { Labels: Record<string, string> };
  }
  try {
    const found = await engine.get<Inspected>(`/containers/${MARK}/json`, { signal });
    return { id: found.Id, volumes: JSON.parse(found.Config.Labels[VOLUMES_LABEL] ?? "[]") as string[] };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Two people may restore to one machine at once: the later one takes it over. @throws Failure backup.in-use */
export async function refuseOvertaken(engine: Engine, mark: Mark, signal: AbortSignal): Promise<void> {
  if ((await findMark(engine, signal))?.id !== mark.id) throw overtaken();
}

function overtaken(cause?: unknown): Failure {
  return new Failure("backup.in-use", "somebody else restores a backup to this machine", {
    hint: "see what comes of it: dray status",
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Did that restore make it, or can it have? */
function isOf({ volumes }: Mark, { kind, name }: Belonging): boolean {
  if (kind === "volume") return volumes.includes(name);
  return [MARK, EDGE, TURN].includes(name) || name.startsWith(SHELF);
}

/** Removes what a restore has made, its mark last: whoever is killed in the middle of this can do it again. */
export async function takeBack(
  engine: Engine,
  mark: Mark,
  found: readonly Belonging[],
  signal: AbortSignal,
): Promise<void> {
  const containers = found.filter((each) => each.kind === "container" && each.name !== MARK && isOf(mark, each));
  const paths = [
    ...containers.map(({ name }) => `/containers/${name}`),
    ...mark.volumes.map((name) => `/volumes/${name}`),
  ];
  for (const path of [...paths, `/containers/${mark.id}`]) await remove(engine, path, signal);
}

/** The machine has what it is to have: nothing is unfinished any more. */
export async function removeMark(engine: Engine, { id }: Mark, signal: AbortSignal): Promise<void> {
  await remove(engine, `/containers/${id}`, signal);
}

async function remove(engine: Engine, path: string, signal: AbortSignal): Promise<void> {
  await engine.call("DELETE", path, { query: { force: true }, signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}
