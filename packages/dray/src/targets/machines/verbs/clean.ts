import type { Belonging, Cleaned } from "../../../contract/answers.ts";
import type { Place } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import { Failure } from "../../../base/failure.ts";
import type { Plan } from "../../../core/plan.ts";
import type { Prepared } from "../../../core/prepared.ts";
import { EDGE } from "../../../edge/edge.ts";
import { type Engine, EngineError, isMissing } from "../../../machine/engine.ts";
import { unfinished } from "../plan/journal.ts";
import { takeLock } from "../plan/lock.ts";
import type { Site } from "../plan/observe.ts";
import { belongings } from "./ours.ts";
import { connect, withSite } from "../plan/site.ts";
import { removeWall, WALL } from "../container/wall.ts";
import type { Lease } from "../plan/work.ts";

/** How an engine is asked to delete each kind of thing. */
const DELETE: Record<Belonging["kind"], { path: string; query: Record<string, boolean> }> = {
  container: { path: "/containers", query: { force: true, v: true } },
  network: { path: "/networks", query: {} },
  volume: { path: "/volumes", query: {} },
  image: { path: "/images", query: {} },
};

/** Looks for everything that dray has made on a machine; it is removed once that is agreed to. `data`: what services keep in volumes, too. @throws Failure ssh.*, docker.* */
export async function prepareCleaning(
  place: Place,
  { data }: { data: boolean },
  session: Session,
): Promise<Prepared<Cleaned>> {
  await using machine = await connect(place, session);
  const before = await belongings(machine.engine, session.signal);
  return {
    plan: planOf(place, before, data),
    perform: async () => await withSite(place, session, async (site) => await clean(site, data, session)),
  };
}

/** What would be removed, as data; what stays is a note. */
export function planOf({ name: on }: Place, before: readonly Belonging[], data: boolean): Plan {
  const steps = before
    .filter((each) => goes(each, data))
    .map(({ kind, name }) => ({ kind: "remove", on, title: `remove the ${kind} ${name}` }));
  const staying = before.filter((each) => !goes(each, data)).map(({ name }) => name);
  return {
    service: `everything of dray on ${on}`,
    release: "",
    stages: steps.length === 0 ? [] : [{ title: "clean", steps, onFailure: "stop" }],
    changes: [],
    notes: staying.length === 0 ? [] : [`these volumes hold data of services and stay: ${staying.join(", ")}`],
  };
}

function goes(each: Belonging, data: boolean): boolean {
  return data || each.data !== true;
}

/** Removes it, and looks again. @throws Failure service.locked, machine.not-clean */
export async function clean(site: Site, data: boolean, session: Session): Promise<Cleaned> {
  const { machine } = site;
  const { signal } = session;
  const before = await belongings(machine.engine, signal);
  const going = before.filter((each) => goes(each, data));
  const first = going.filter(({ kind, name }) => kind === "container" && name !== EDGE);
  const problems = await underLocks(site, session, async () => await removeAll(machine.engine, first, signal));
  const rest = going.filter((each) => !first.includes(each));
  problems.push(...(await removeAll(machine.engine, rest, signal)));
  const after = await belongings(machine.engine, signal);
  if (after.some((each) => goes(each, data))) throw left(machine.name, after, problems);
  return { machine: machine.name, before, after };
}

/** Nobody may deploy meanwhile: the lock of each service is held until its containers are gone. @throws Failure service.locked */
async function underLocks<T>({ edge }: Site, { who, signal }: Session, act: () => Promise<T>): Promise<T> {
  if (edge === undefined) return await act();
  const begun = (await unfinished(edge)).map(({ service }) => service);
  const services = new Set([...Object.keys((await edge.state()).services), ...begun]);
  const held: Lease[] = [];
  try {
    for (const service of services) held.push(await takeLock(edge, service, who, signal));
    return await act();
  } finally {
    for (const lease of held) await lease.release();
  }
}

/** Removes one after the other; resolves to the engine's reasons for what it would not remove. */
async function removeAll(engine: Engine, things: readonly Belonging[], signal: AbortSignal): Promise<string[]> {
  const problems: string[] = [];
  for (const { kind, name } of things) {
    try {
      if (name === WALL) await removeWall(engine, signal);
      else await engine.call("DELETE", `${DELETE[kind].path}/${name}`, { query: DELETE[kind].query, signal });
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (!isMissing(error)) problems.push(`${kind} ${name}: ${error.message}`);
    }
  }
  return problems;
}

function left(machine: string, after: readonly Belonging[], details: readonly string[]): Failure {
  const names = after.map(({ kind, name }) => `${kind} ${name}`).join(", ");
  return new Failure("machine.not-clean", `${machine} still has: ${names}`, {
    hint: "remove what uses it (docker ps -a on the machine shows containers), then run dray machine clean again",
    details,
  });
}
