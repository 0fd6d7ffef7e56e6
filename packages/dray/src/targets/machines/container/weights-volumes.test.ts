import { expect, test } from "vitest";
import type { Release } from "../../../core/release.ts";
import { EMPTY_STATE } from "../../../edge/state.ts";
import { type Engine, EngineError } from "../../../machine/engine.ts";
import { listWeights, mustHaveWeights, pruneWeights, weightsMounts, weightsVolume } from "./weights-volumes.ts";
import { withRelease } from "../traffic/switch.ts";

const [USED, OLD, MOUNTED, COMING] = ["a", "b", "c", "d"].map((letter) => letter.repeat(64)) as [
  string,
  string,
  string,
  string,
];

/** An engine that has volumes, and refuses to remove what is mounted. */
function engineWith(volumes: Map<string, string>, mounted: string): Engine {
  const fake = {
    get: async () =>
      await Promise.resolve({
        Volumes: [...volumes].map(([Name, id]) => ({ Name, Labels: { "dray.weights": id } })),
      }),
    call: async (_method: string, path: string) => {
      const name = path.replace("/volumes/", "");
      if (name === mounted) throw new EngineError(409, "volume is in use");
      volumes.delete(name);
      await Promise.resolve();
    },
  };
  return fake as unknown as Engine;
}

const release: Release = {
  id: "r1",
  service: "decisions",
  image: "api:1",
  digest: "",
  settings: {
    replicas: 1,
    env: {},
    secrets: [],
    limits: { timeoutMs: 1, readyMs: 1, drainMs: 1 },
    weights: { qwen: { id: USED, from: "https://x/y", at: "/models" } },
  },
  from: { who: "me", at: "" },
};
const context = { signal: new AbortController().signal, emit: () => undefined, secrets: new Map() };

test("what no kept release uses is removed, its mark first; what is used or mounted stays", async () => {
  const volumes = new Map(
    [USED, OLD, MOUNTED].flatMap((id): [string, string][] => [
      [weightsVolume(id), id],
      [`${weightsVolume(id)}.whole`, id],
    ]),
  );
  volumes.set(weightsVolume(COMING), COMING);
  const engine = engineWith(volumes, weightsVolume(MOUNTED));
  expect(await listWeights(engine, context.signal)).toEqual([USED, OLD, MOUNTED]);
  const state = withRelease(EMPTY_STATE, { release, replicas: [], deployedAt: "" });
  await pruneWeights(engine, state, context);
  await mustHaveWeights({ engine, name: "vm" }, release, context.signal);
  const other = { ...release, settings: { ...release.settings, weights: { old: { id: OLD, from: "", at: "/m" } } } };
  await expect(mustHaveWeights({ engine, name: "vm" }, other, context.signal)).rejects.toMatchObject({
    code: "weights.missing",
  });
  // Without its mark the mounted one would be looked at again before it is used.
  expect([...volumes.keys()]).toEqual([weightsVolume(USED), `${weightsVolume(USED)}.whole`, weightsVolume(MOUNTED)]);
});

test("a replica has its weights read-only, and never filled from the image", () => {
  expect(weightsMounts(release)).toEqual([
    expect.objectContaining({ Source: weightsVolume(USED), Target: "/models", ReadOnly: true }),
  ]);
  expect(weightsMounts(release)[0]).toMatchObject({ VolumeOptions: { NoCopy: true } });
});
