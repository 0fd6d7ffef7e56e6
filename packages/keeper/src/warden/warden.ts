import { setTimeout as sleep } from "node:timers/promises";
import { deadline } from "drayage-clock";
import { Faults } from "../faults.ts";
import { Engine } from "./engine.ts";
import { noteEvent, readWishes, type RestartWish, writeWishes } from "./events.ts";

const SOCKET = "/var/run/docker.sock";
const LABEL = "dray.role=replica";
const LOOK_MS = 1000;
const GRACE_S = 5;
const RESTART_MS = 60_000;

const log = (text: string): void => void process.stdout.write(`${new Date().toISOString()} ${text}\n`);
const why = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The one container with the engine's socket, and without any network: it restarts replicas that the keeper names, and
 * notes which of them died or ran out of memory. It does nothing else, and nothing to other containers.
 */
export async function ward(home: string): Promise<void> {
  new Faults(log).watch(process);
  const engine = new Engine(SOCKET);
  const stopped = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.abort());
  // One note after the other: each rewrites the file.
  let noting: Promise<void> = Promise.resolve();
  const note: Note = (event) => {
    noting = noting.then(() => noteEvent(home, event)).catch((error: unknown) => log(`not noted: ${why(error)}`));
  };
  /** Those that die by our own hand. */
  const ours = new Set<string>();
  log("the warden is up");
  await Promise.all([
    listen(engine, ours, note, stopped.signal),
    restart(home, engine, { ours, note }, stopped.signal),
  ]);
  await noting;
  log("the warden ends");
}

type Note = (event: Parameters<typeof noteEvent>[1]) => void;

async function listen(engine: Engine, ours: ReadonlySet<string>, note: Note, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const { Action, time, Actor } of engine.events(LABEL, signal)) {
        const { name: container = "", exitCode } = Actor.Attributes;
        if (ours.has(container)) continue;
        const code = exitCode === undefined ? {} : { exitCode: Number(exitCode) };
        note({ at: new Date(time * 1000).toISOString(), container, kind: Action === "oom" ? "oom" : "die", ...code });
      }
    } catch (error) {
      if (!signal.aborted) log(`the engine's events: ${why(error)}`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Taken before they are done: one that cannot be done must not be tried for ever, nor what a full disk still shows. */
async function taken(home: string): Promise<RestartWish[]> {
  try {
    const wishes = await readWishes(home);
    if (wishes.length > 0) await writeWishes(home, []);
    return wishes;
  } catch (error) {
    log(`what is to be restarted: ${why(error)}`);
    return [];
  }
}

async function restart(
  home: string,
  engine: Engine,
  { ours, note }: { ours: Set<string>; note: Note },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    for (const { container, why: reason } of await taken(home)) {
      using limit = deadline(RESTART_MS, signal);
      ours.add(container);
      try {
        const labels = await engine.labels(container, limit.signal);
        if (labels?.["dray.role"] !== "replica") throw new Error(`${container} is no replica of dray's`);
        await engine.restart(container, GRACE_S, limit.signal);
        log(`restarted ${container}: ${reason}`);
        note({ at: new Date().toISOString(), container, kind: "restarted" });
      } catch (error) {
        log(`not restarted: ${why(error)}`);
      } finally {
        ours.delete(container);
      }
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
}
