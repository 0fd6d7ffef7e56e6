import { expect, test } from "vitest";
import { releaseOf } from "../../../../../../test/contract/releases.ts";
import type { Edge } from "../../../edge/edge.ts";
import { EMPTY_STATE, type EdgeState } from "../../../edge/state.ts";
import { Engine, EngineError } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import type { Site } from "../plan/observe.ts";
import { withRelease } from "../traffic/switch.ts";
import { doorOf } from "./reach-release.ts";

const session = { signal: new AbortController().signal };

/** An engine that knows of each container whether it runs; of others nothing. */
class Containers extends Engine {
  readonly #running: Record<string, boolean>;

  constructor(running: Record<string, boolean>) {
    super(() => Promise.reject(new Error("nobody dials")));
    this.#running = running;
  }

  override call<T>(_method: string, path: string): Promise<T> {
    const running = this.#running[path.split("/")[2] ?? ""];
    if (running === undefined) return Promise.reject(new EngineError(404, "no such container"));
    return Promise.resolve({ State: { Running: running } } as T);
  }
}

const replicas = ["a", "b"].map((container, index) => ({ container, address: `172.30.0.${index}`, port: 8080 }));

/** A site where r2 has the traffic, and r1 had it before. */
function siteWith(running: Record<string, boolean>, more: Partial<EdgeState> = {}): Site {
  const kept = (id: string): Parameters<typeof withRelease>[1] => ({
    release: releaseOf(id),
    replicas,
    deployedAt: "",
  });
  const state = { ...withRelease(withRelease(EMPTY_STATE, kept("r1")), kept("r2")), ...more };
  const edge = { state: async () => await Promise.resolve(state) } as unknown as Edge;
  return { machine: { name: "vm", engine: new Containers(running) } as unknown as Machine, edge };
}

test("a release is reached at the first of its replicas that runs", async () => {
  const door = await doorOf(siteWith({ a: false, b: true }), "decisions", "r1", session);
  expect(door).toEqual({ release: "r1", address: "172.30.0.1", port: 8080 });
});

test.each<[string, Record<string, boolean>]>([
  ["have ended", { a: false, b: false }],
  ["are not there any more", {}],
])("a release that is kept and whose replicas %s says so before anything is sent", async (_what, running) => {
  await expect(doorOf(siteWith(running), "decisions", "r1", session)).rejects.toThrow(
    expect.objectContaining({
      code: "release.stopped",
      message: "r1 is kept on vm, and none of its replicas runs",
    }),
  );
});

test("one that is not kept is named with those that are", async () => {
  await expect(doorOf(siteWith({ a: true }), "decisions", "r0", session)).rejects.toThrow(
    expect.objectContaining({ code: "release.unknown", hint: "kept there: r1, r2" }),
  );
});
