import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ContentStore } from "../oci/content-store.ts";
import { image } from "./image.ts";

const folder = await mkdtemp(path.join(tmpdir(), "dray-image-"));
const asked: string[] = [];
/** An engine that has every image, by an id of its own. */
const engine = http.createServer((request, response) => {
  asked.push(request.url ?? "");
  const answer = request.url?.endsWith("/version") === true ? { ApiVersion: "1.47", Version: "28.0.0" } : HAS;
  response.end(JSON.stringify(answer));
});
const HAS = { Id: `sha256:${"e".repeat(64)}`, Architecture: "amd64", Size: 9 };
const context = { signal: new AbortController().signal, emit: () => undefined, secrets: new Map() };
const make = async (reference: string): Promise<unknown> =>
  await image.make({ service: "my-api", image: reference, folder }, "amd64", context);

beforeAll(async () => {
  vi.stubEnv("DRAY_CACHE", folder);
  vi.stubEnv("DOCKER_HOST", `unix://${path.join(folder, "docker.sock")}`);
  await new Promise<void>((listening) => engine.listen(path.join(folder, "docker.sock"), listening));
});
afterAll(async () => {
  engine.closeAllConnections();
  engine.close();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

test("an image by the digest that was carried is the carried one, whatever the engine has under that name", async () => {
  const store = new ContentStore();
  await store.open();
  const config = await store.put(Buffer.from(JSON.stringify({ architecture: "amd64" })));
  const layer = await store.put(Buffer.from("layer"));
  const digest = await store.put(
    Buffer.from(JSON.stringify({ config: { digest: config }, layers: [{ digest: layer, size: 5 }] })),
  );
  expect(await make(`my-api@${digest}`)).toMatchObject({ facts: { id: config } });
  expect(asked).toEqual([]);
});

test("any other image is the engine's", async () => {
  expect(await make("my-api:2")).toMatchObject({ facts: { id: HAS.Id } });
});
