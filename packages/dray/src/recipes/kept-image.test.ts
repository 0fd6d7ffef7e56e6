import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { ContentStore } from "../oci/content-store.ts";
import { keptImage } from "./kept-image.ts";

const folder = await mkdtemp(path.join(tmpdir(), "dray-kept-"));
afterAll(() => rm(folder, { recursive: true }));

async function storeWith(...left: ("layer" | "config")[]): Promise<{ store: ContentStore; digest: string }> {
  const store = new ContentStore(path.join(folder, left.join("-") || "none"));
  await store.open();
  const nowhere = `sha256:${"0".repeat(64)}`;
  const config = { architecture: "arm64", config: { ExposedPorts: { "8080/tcp": {}, "53/udp": {} } } };
  const configDigest = left.includes("config") ? await store.put(Buffer.from(JSON.stringify(config))) : nowhere;
  const layer = left.includes("layer") ? await store.put(Buffer.from("layer")) : nowhere;
  const manifest = { config: { digest: configDigest }, layers: [{ digest: layer, size: 5 }] };
  return { store, digest: await store.put(Buffer.from(JSON.stringify(manifest))) };
}

test("an image that was carried before is whole in the store, with what its config says", async () => {
  const { store, digest } = await storeWith("layer", "config");
  expect(await keptImage(`my-api@${digest}`, store)).toMatchObject({
    facts: { architecture: "arm64", exposed: [8080], size: 5 },
    cargo: { digest, whole: true, layers: [{ size: 5 }] },
  });
});

test("an image of which anything is missing is not there", async () => {
  for (const left of [[], ["layer"], ["config"]] as const) {
    const { store, digest } = await storeWith(...left);
    expect(await keptImage(`my-api@${digest}`, store), left.join()).toBeUndefined();
  }
  const { store } = await storeWith("layer", "config");
  expect(await keptImage(`my-api@sha256:${"1".repeat(64)}`, store)).toBeUndefined();
  expect(await keptImage("my-api:2", store)).toBeUndefined();
});
