import { sleep, within } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { FindLogin } from "../../../oci/login.ts";
import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import type { Undo } from "../../../core/carry-out.ts";
import { type Context, under } from "../../../core/context.ts";
import { type EngineHealth, healthOf, healthText } from "../../../core/health.ts";
import { keptOf } from "../../../edge/state.ts";
import { type Engine, EngineError, isMissing, isTaken } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import { loginsOf } from "../../../manifest/registry.ts";
import { containerLogs } from "../../../probes/logs.ts";
import { orMachines } from "../image/machine-login.ts";
import { networkOf } from "../container/network.ts";
import { imageConfig } from "../container/program.ts";
import { withSite } from "../plan/site.ts";
import { serviceOn } from "../plan/service-on.ts";
import { shareSecrets } from "../keeper/keeper-secrets.ts";
import { supplyNamed } from "../image/supply.ts";
import { besideContainer, besideName, type BesideWanted, WITH, WITH_LABEL } from "../container/with-container.ts";
import type { Work } from "../plan/work.ts";

/** A program that cannot start has ended by then. */
const SETTLE_MS = 1000;
const AGAIN_MS = 500;
/** The longest wait for its HEALTHCHECK, where it has one. */
const HEALTHY_MS = 60_000;
const LAST_LINES = 10;
const TAKE_BACK_MS = 20_000;

/** One container beside a service: where, and what it is made from. */
interface Placed extends BesideWanted {
  machine: Machine;
  findLogin: FindLogin;
}

/** Starts one that is missing or stopped, or leads one that runs into the release's network. Undone, one that was made new is gone. */
export async function startBeside(
  work: Work,
  { name, beside }: Pick<BesideWanted, "name" | "beside">,
  context: Context,
): Promise<{ undo?: Undo }> {
  const { site, release, findLogin } = work;
  const { machine } = site;
  const { service } = release;
  const container = besideName(service, name);
  const placed = { machine, service, network: networkOf(release), name, beside, findLogin };
  const there = work.seen.containers.find((each) => each.name === container);
  if (there !== undefined) {
    await joinAs(machine.engine, placed, context.signal);
    await machine.engine.post(`/containers/${container}/start`, { signal: context.signal });
    await settled(machine.engine, placed, context);
    return {};
  }
  await giveSecrets(placed, context.signal);
  await make(placed, context);
  return { undo: async ({ signal }) => await drop(machine.engine, container, signal) };
}

/** Before the container: it waits for them, and would read what was there before. @throws Failure with.no-secrets */
async function giveSecrets({ machine, service, name, beside }: Placed, signal: AbortSignal): Promise<void> {
  await shareSecrets(machine.engine, { service, name, names: beside.secrets ?? [] }, signal);
}

async function make(placed: Placed, context: Context): Promise<void> {
  const { machine, service, name, beside, findLogin } = placed;
  const { engine } = machine;
  const { signal } = context;
  const hint = `docker pull it here, or name one that the machine reaches: with: {${name}: {image: ...}}`;
  await supplyNamed(machine, { image: beside.image, step: WITH, what: `${name}'s image`, hint }, findLogin, context);
  const container = besideName(service, name);
  const config = beside.secrets === undefined ? {} : await imageConfig(engine, beside.image, context);
  const body = besideContainer(placed, config);
  try {
    await engine.post("/containers/create", { query: { name: container }, body, signal });
    await engine.post(`/containers/${container}/start`, { signal });
    await settled(engine, placed, context);
  } catch (error) {
    await within(TAKE_BACK_MS, undefined, (fresh) => drop(engine, container, under(context, fresh).signal));
    throw error;
  }
}

/** It runs, and has not come back from a crash; where its image can say so, it is well. @throws Failure with.failed */
async function settled(engine: Engine, { service, name, beside }: Placed, { signal }: Context): Promise<void> {
  const container = besideName(service, name);
  const startedAt = performance.now();
  await sleep(SETTLE_MS, signal);
  for (;;) {
    const { State, RestartCount } = await engine.get<Inspected>(`/containers/${container}/json`, { signal });
    const health = healthOf(State.Health);
    const ended = !State.Running || RestartCount > 0;
    const how = ended
      ? `ended with exit code ${State.ExitCode}`
      : health?.status === "unhealthy" && `is ${healthText(health)}`;
    if (how !== false) {
      throw new Failure("with.failed", `${name} (${beside.image}) ${how}`, {
        hint: `its last lines are below; with: {${name}: ...} in the manifest says how it is run`,
        details: await containerLogs(engine, container, LAST_LINES).catch(() => []),
      });
    }
    if (health?.status !== "starting" || performance.now() - startedAt > HEALTHY_MS) return;
    await sleep(AGAIN_MS, signal);
  }
}

interface Inspected {
  RestartCount: number;
  State: { Running: boolean; ExitCode: number; Health?: EngineHealth | null };
}

/** Into the network of a release, where it is not in it yet. */
async function joinAs(engine: Engine, { service, network, name }: Placed, signal: AbortSignal): Promise<void> {
  const body = { Container: besideName(service, name), EndpointConfig: { Aliases: [name] } };
  await engine.post(`/networks/${network}/connect`, { body, signal }).catch((error: unknown) => {
    const there = error instanceof EngineError && /already exists in network|already attached/.test(error.message);
    if (!there && !isTaken(error)) throw error;
  });
}

async function drop(engine: Engine, container: string, signal: AbortSignal): Promise<void> {
  // Without `v`: what it wrote into volumes of no name goes, and those with a name stay all the same.
  const query = { force: true, v: true };
  await engine.call("DELETE", `/containers/${container}`, { query, signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

/** Removes all containers beside a service; their volumes stay. */
export async function removeBesides(engine: Engine, service: string, signal: AbortSignal): Promise<void> {
  const filters = { label: [`dray.service=${service}`, `dray.role=${WITH}`] };
  const all = await engine.get<{ Id: string }[]>("/containers/json", { query: { all: true, filters }, signal });
  await Promise.all(all.map(({ Id }) => drop(engine, Id, signal)));
}

/** Makes one anew as the manifest says. It is away meanwhile; its volumes stay. @throws Failure with.unknown, with.failed, with.no-secrets */
export async function restartBeside(
  { place, service, manifest }: Subject,
  name: string,
  session: Session,
): Promise<void> {
  await withSite(place, session, async (site) => {
    const beside = manifest.with?.[name];
    if (beside === undefined) throw unknownBeside(service, name, Object.keys(manifest.with ?? {}));
    const state = await serviceOn(site, service);
    const live = keptOf(state, state.current)?.release;
    if (live === undefined) throw new TypeError("a service without a release");
    const { machine } = site;
    const findLogin = orMachines(loginsOf(manifest), machine);
    const placed = { machine, service, network: networkOf(live), name, beside, findLogin };
    const hint = `docker pull it here, or name another: with: {${name}: {image: ...}}`;
    // Before anything goes: an image that nobody has leaves the one that runs alone.
    await supplyNamed(machine, { image: beside.image, step: WITH, what: `${name}'s image`, hint }, findLogin, session);
    await giveSecrets(placed, session.signal);
    const container = besideName(service, name);
    await machine.engine.post(`/containers/${container}/stop`, { signal: session.signal }).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    await drop(machine.engine, container, session.signal);
    await make(placed, session);
  });
}

/** Takes one away; its volumes stay. @throws Failure with.unknown */
export async function removeBeside({ place, service }: Subject, name: string, session: Session): Promise<void> {
  await withSite(place, session, async ({ machine }) => {
    const container = besideName(service, name);
    await refuseUnknown(machine.engine, service, name, session.signal);
    await drop(machine.engine, container, session.signal);
    await shareSecrets(machine.engine, { service, name, names: [] }, session.signal);
  });
}

/** @throws Failure with.unknown */
export async function refuseUnknown(engine: Engine, service: string, name: string, signal: AbortSignal): Promise<void> {
  const filters = { label: [`dray.service=${service}`, `dray.role=${WITH}`] };
  const query = { all: true, filters };
  const all = await engine.get<{ Labels: Record<string, string> }[]>("/containers/json", { query, signal });
  const names = all.map(({ Labels }) => Labels[WITH_LABEL] ?? "");
  if (!names.includes(name)) throw unknownBeside(service, name, names);
}

function unknownBeside(service: string, name: string, names: readonly string[]): Failure {
  return new Failure("with.unknown", `${service} has no ${name} beside it`, {
    hint:
      names.length === 0
        ? "with: {cache: {image: ...}} in the manifest, then dray deploy"
        : `there is ${names.join(", ")}`,
  });
}
