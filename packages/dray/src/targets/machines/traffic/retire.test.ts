import { expect, test } from "vitest";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { EMPTY_STATE, type EdgeState, type Kept } from "../../../edge/state.ts";
import { type Engine, EngineError } from "../../../machine/engine.ts";
import { keptOf, releaseOf } from "../../../../../../test/contract/releases.ts";
import type { Site } from "../plan/observe.ts";
import { retire } from "./retire.ts";
import { withRelease } from "./switch.ts";

const kept = (id: string): Kept =>
  keptOf(releaseOf(id, { limits: { drainMs: 60_000 } }), [{ container: id, address: "172.30.96.20", port: 8080 }]);

/** A machine in memory whose releases run: an edge that has their state, and an engine that has a container and an image of each. */
class PaperMachine {
  known: EdgeState;
  running: Set<string>;
  there: Set<string>;
  images: Set<string>;
  /** Programs that do nothing at SIGTERM. */
  deaf = new Set<string>();
  busy = new Set<string>();
  /** Signals, in the order in which they came; and how often the lock was taken. */
  signals: string[] = [];
  locked = 0;

  constructor(ids: readonly string[]) {
    this.known = ids.reduce((state, id) => withRelease(state, kept(id)), EMPTY_STATE);
    this.running = new Set(ids);
    this.there = new Set(ids);
    this.images = new Set(ids);
  }

  get kept(): string[] {
    return this.known.services["decisions"]?.releases.map(({ release }) => release.id) ?? [];
  }

  state = async (): Promise<EdgeState> => await Promise.resolve(this.known);
  save = async (change: (state: EdgeState) => EdgeState): Promise<void> =>
    await Promise.resolve(void (this.known = change(this.known)));
  servers = async (): Promise<object[]> =>
    await Promise.resolve([...this.busy].map((release) => ({ release, inFlight: 1 })));
  hasOldWorkers = async (): Promise<boolean> => await Promise.resolve(false);
  forget = async (): Promise<void> => await Promise.resolve();
  run = async (): Promise<string> => await Promise.resolve("");
  runAndRead = async (): Promise<string> => {
    this.locked += 1;
    return await Promise.resolve("TAKEN\n");
  };

  get = async (path: string, { query }: { query?: { all?: boolean } } = {}): Promise<unknown> => {
    if (path === "/images/json") return [...this.images].map((id) => ({ RepoTags: [`dray/decisions:${id}`] }));
    const listed = query?.all === true ? this.there : this.running;
    const container = (id: string): object => ({
      Id: id,
      Names: [`/${id}`],
      Labels: { "dray.role": "replica" },
      NetworkSettings: { Networks: {} },
    });
    return await Promise.resolve(
      path === "/containers/json" ? [...listed].map(container) : { Config: { StopSignal: "SIGQUIT" } },
    );
  };

  post = async (path: string, { query }: { query?: { signal?: string } }): Promise<void> => {
    const [, , id = "", act = ""] = path.split("/");
    if (act === "kill") {
      this.signals.push(`${query?.signal} ${id}`);
      if (query?.signal === "SIGKILL" || !this.deaf.has(id)) this.running.delete(id);
    }
    await Promise.resolve();
  };

  call = async (_method: string, path: string): Promise<void> => {
    const [, kind = "", id = ""] = path.replace("dray/decisions:", "").split("/");
    const all = kind === "images" ? this.images : this.there;
    if (!all.delete(id)) throw new EngineError(404, `no ${id}`);
    this.running.delete(id);
    await Promise.resolve();
  };

  get site(): Site {
    return {
      machine: { name: "vm", engine: this as unknown as Engine } as Site["machine"],
      edge: this as unknown as Edge,
    };
  }
}

const contextOf = (signal: AbortSignal): Context => ({ signal, emit: () => undefined, secrets: new Map() });
const WANTED = { service: "decisions", who: "sue", keep: 2 };
const IDS = Array.from({ length: 12 }, (_none, at) => `r${String(at).padStart(2, "0")}`);

test("all that were left by many deploys end under one lock, and as many stay as are to be kept", async () => {
  const machine = new PaperMachine(IDS);
  await retire(machine.site, WANTED, contextOf(new AbortController().signal));
  expect(machine.signals).toEqual(IDS.slice(0, -1).map((id) => `SIGQUIT ${id}`));
  expect([...machine.running]).toEqual(["r11"]);
  for (const left of [machine.kept, [...machine.there], [...machine.images]]) expect(left).toEqual(IDS.slice(-3));
  expect(machine.locked).toBe(2);
});

test("what has ended and is not to be kept goes while a newer one still runs, and none is waited for", async () => {
  const machine = new PaperMachine(IDS);
  const stop = new AbortController();
  machine.deaf.add("r10");
  machine.busy.add("r09");
  const retiring = retire(machine.site, WANTED, contextOf(stop.signal));
  await expect.poll(() => machine.kept, { timeout: 5000 }).toEqual(["r09", "r10", "r11"]);
  expect([...machine.running].toSorted()).toEqual(["r09", "r10", "r11"]);
  // A deploy meanwhile: what had the traffic is told with the next look.
  machine.known = withRelease(machine.known, kept("r12"));
  for (const all of [machine.running, machine.there, machine.images]) all.add("r12");
  await expect.poll(() => machine.signals.at(-1), { timeout: 5000 }).toBe("SIGQUIT r11");
  expect(machine.signals).not.toContain("SIGQUIT r09");
  stop.abort();
  await expect(retiring).rejects.toThrow(/abort/);
});

test("whoever takes over from one that was killed tells again what was told and has not ended", async () => {
  const machine = new PaperMachine(["r00", "r01"]);
  machine.deaf.add("r00");
  const first = new AbortController();
  const killed = retire(machine.site, WANTED, contextOf(first.signal));
  await expect.poll(() => machine.signals, { timeout: 5000 }).toEqual(["SIGQUIT r00"]);
  first.abort();
  await expect(killed).rejects.toThrow(/abort/);
  machine.deaf.clear();
  await retire(machine.site, WANTED, contextOf(new AbortController().signal));
  expect(machine.signals).toEqual(["SIGQUIT r00", "SIGQUIT r00"]);
  expect([...machine.running]).toEqual(["r01"]);
  expect(machine.kept).toEqual(["r00", "r01"]);
});
