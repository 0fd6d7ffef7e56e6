import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { ContentStore } from "../content-store.ts";
import { fetchImage } from "./fetch.ts";
import { parseReference } from "./reference.ts";

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

test.each([
  ["node:20", "docker.io", "library/node", "20"],
  ["me/app", "docker.io", "me/app", "latest"],
  ["localhost:5000/a/b:c", "localhost:5000", "a/b", "c"],
  [`ghcr.io/o/r:t@${digestOf("")}`, "ghcr.io", "o/r", digestOf("")],
])("%s is understood as docker understands it", (text, registry, repository, version) => {
  expect(parseReference(text)).toEqual({ registry, repository, version });
});

/** A registry that wants a token (distribution, "Token Authentication"), with one image for arm64. */
async function startRegistry(
  layer: string,
  served: string = layer,
): Promise<AsyncDisposable & { port: number; asked: string[] }> {
  const config = JSON.stringify({ config: { Env: ["A=b"] }, rootfs: { diff_ids: ["sha256:diff"] } });
  const layers = [{ digest: digestOf(layer), size: layer.length }];
  const manifest = JSON.stringify({ config: { digest: digestOf(config), size: config.length }, layers });
  const platform = { os: "linux", architecture: "arm64" };
  const index = JSON.stringify({ manifests: [{ digest: digestOf(manifest), size: manifest.length, platform }] });
  const found: Record<string, string> = {
    "/v2/library/base/manifests/1": index,
    [`/v2/library/base/manifests/${digestOf(manifest)}`]: manifest,
    [`/v2/library/base/blobs/${digestOf(config)}`]: config,
    [`/v2/library/base/blobs/${digestOf(layer)}`]: served,
  };
  const asked: string[] = [];
  const server = http.createServer((request, reply) => {
    const { url = "", headers } = request;
    if (url === "/token?service=here&scope=pull") return void reply.end(JSON.stringify({ token: "open-sesame" }));
    if (headers.authorization !== "Bearer open-sesame") {
      reply.setHeader("www-authenticate", `Bearer realm="http://${headers.host}/token",service="here",scope="pull"`);
      return void reply.writeHead(401).end();
    }
    asked.push(url);
    reply.writeHead(found[url] === undefined ? 404 : 200).end(found[url]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function withStore(act: (store: ContentStore) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-store-"));
  const store = new ContentStore(folder);
  await store.open();
  try {
    await act(store);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const { signal } = new AbortController();
const fetchFrom = (port: number, store: ContentStore, version: string, architecture: string): Promise<unknown> =>
  fetchImage(
    `127.0.0.1:${port}/library/base:${version}`,
    architecture,
    store,
    () => undefined,
    () => Promise.resolve(undefined),
    signal,
  );

test("one platform of an image is fetched with a token, and a layer that is here is not fetched again", async () => {
  await using there = await startRegistry("layer");
  await withStore(async (store) => {
    const image = await fetchFrom(there.port, store, "1", "arm64");
    expect(image).toMatchObject({
      config: { config: { Env: ["A=b"] } },
      layers: [{ digest: digestOf("layer"), diffId: "sha256:diff", size: 5 }],
    });
    expect(await store.text(digestOf("layer"))).toBe("layer");
    await fetchFrom(there.port, store, "1", "arm64");
    expect(there.asked.filter((url) => url.endsWith(digestOf("layer")))).toHaveLength(1);
  });
});

test("what is not there, is for another processor, or is not what it claims to be is said", async () => {
  await using there = await startRegistry("layer", "other");
  await withStore(async (store) => {
    await expect(fetchFrom(there.port, store, "2", "arm64")).rejects.toMatchObject({ code: "image.not-found" });
    await expect(fetchFrom(there.port, store, "1", "amd64")).rejects.toMatchObject({ code: "image.wrong-arch" });
    await expect(fetchFrom(there.port, store, "1", "arm64")).rejects.toMatchObject({ code: "image.carry-failed" });
  });
  await withStore(async (store) => {
    await expect(fetchFrom(1, store, "1", "arm64")).rejects.toMatchObject({ code: "registry.unreachable" });
  });
});
