import { describe, expect, test } from "vitest";
import { CATALOGUE } from "../../packages/dray/src/catalogue.ts";
import { appImage } from "../world/images.ts";
import { quiet } from "./context.ts";

describe.each(CATALOGUE.registries.map((registry) => [registry.kind, registry] as const))(
  "registry %s",
  (_kind, registry) => {
    test("makes an image ready to be carried, and twice the same", async () => {
      const cargo = await registry.load(appImage("1"), "contract", quiet());
      expect(cargo.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(cargo.layers.length).toBeGreaterThan(0);
      expect(cargo.layers.every((layer) => layer.size > 0)).toBe(true);
      expect(await registry.load(appImage("1"), "contract", quiet())).toEqual(cargo);
    });

    test("images that share layers share them here, too", async () => {
      const [one, two] = [
        await registry.load(appImage("1"), "contract", quiet()),
        await registry.load(appImage("2"), "contract", quiet()),
      ];
      expect(two.digest).not.toBe(one.digest);
      expect(two.layers[0]).toEqual(one.layers[0]);
    });

    test("says so when the image is not there", async () => {
      await expect(registry.load("no-such-image:1", "contract", quiet())).rejects.toMatchObject({
        code: "image.not-found",
        hint: expect.stringMatching(/.+/),
      });
    });

    test("stops when it is told to", async () => {
      const stop = new AbortController();
      const loading = registry.load(appImage("1"), "contract", quiet(stop.signal));
      stop.abort();
      await expect(loading).rejects.toMatchObject({ name: "AbortError" });
    });
  },
);
