import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { ContentStore } from "./content-store.ts";
import { Secret } from "../base/secret.ts";
import { digestOf as digestOfName, fetchImage } from "./fetch.ts";
import { parseReference } from "./reference.ts";
import { RegistrySession } from "./session.ts";

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
    { name: `127.0.0.1:${port}/library/base:${version}`, architecture },
    { store, onBytes: () => undefined },
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

interface Challenge {
  challenge: string;
}

/** A registry that answers each path with what it is told to, under whatever name it is asked for. */
async function startLiar(
  found: (url: string, port: number) => string | Challenge | undefined,
): Promise<AsyncDisposable & { port: number; shown: string[] }> {
  const shown: string[] = [];
  const server = http.createServer((request, reply) => {
    const { url = "", headers } = request;
    shown.push(`${url} ${headers.authorization ?? "nothing"}`);
    const said = found(url, (server.address() as AddressInfo).port);
    if (typeof said === "object") return void reply.writeHead(401, { "www-authenticate": said.challenge }).end();
    reply.writeHead(said === undefined ? 404 : 200).end(said);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    shown,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const CONFIG = JSON.stringify({ config: {}, rootfs: { diff_ids: [] } });
const MANIFEST = JSON.stringify({ config: { digest: digestOf(CONFIG), size: CONFIG.length }, layers: [] });
const PLATFORM = { os: "linux", architecture: "arm64" };
const INDEX = JSON.stringify({ manifests: [{ digest: digestOf(MANIFEST), size: 1, platform: PLATFORM }] });

test.each([
  ["a manifest", "manifests/", (good: boolean) => (good ? MANIFEST : `${MANIFEST} `)],
  ["a configuration", "blobs/", (good: boolean) => (good ? CONFIG : `${CONFIG} `)],
])("%s that was named by its digest is hashed before it is believed", async (_what, part, content) => {
  for (const good of [true, false]) {
    await using liar = await startLiar((url) => {
      if (url.includes(part)) return content(good);
      return url.includes("manifests/") ? MANIFEST : CONFIG;
    });
    await withStore(async (store) => {
      const fetched = fetchFrom(liar.port, store, `1@${digestOf(MANIFEST)}`, "arm64");
      if (good) await expect(fetched).resolves.toBeDefined();
      else await expect(fetched).rejects.toMatchObject({ code: "image.not-what-it-claims" });
    });
  }
});

test("a part of an index is hashed, too", async () => {
  await using liar = await startLiar((url) => (url.endsWith("manifests/1") ? INDEX : `${MANIFEST} `));
  await withStore(async (store) => {
    await expect(fetchFrom(liar.port, store, "1", "arm64")).rejects.toMatchObject({ code: "image.not-what-it-claims" });
  });
});

test("what a tag stands for is the hash of what came, whatever a header says of it", async () => {
  await using liar = await startLiar(() => MANIFEST);
  const name = `127.0.0.1:${liar.port}/library/base:1`;
  await expect(digestOfName(name, () => Promise.resolve(undefined), signal)).resolves.toBe(digestOf(MANIFEST));
});

const LOGIN = { user: "me", password: new Secret("hunter2"), from: "a test" };
const sessionAt = (port: number): RegistrySession =>
  new RegistrySession(parseReference(`127.0.0.1:${port}/library/base:1`), () => Promise.resolve(LOGIN), signal);

test("a login is shown to the registry that wants it, and not where its answers lead", async () => {
  await using elsewhere = await startLiar(() => ({ challenge: "Basic realm=x" }));
  let asked = 0;
  await using registry = await startLiar(() => (asked++ === 0 ? { challenge: "Basic realm=x" } : "yes"));
  const session = sessionAt(registry.port);
  expect(await (await session.get("manifests/1", "*/*")).text()).toBe("yes");
  expect(registry.shown[1]).toContain("Basic ");
  const led = await session.send("PATCH", `http://127.0.0.1:${elsewhere.port}/upload?state=1`);
  expect(led.status).toBe(401);
  expect(elsewhere.shown).toEqual(["/upload?state=1 nothing"]);
});

test.each(["http://registry.example/token", "ftp://127.0.0.1/x", "http://127.0.0.1.example/token", "nonsense"])(
  "a token is not asked for without TLS: %s",
  async (realm) => {
    await using registry = await startLiar(() => ({ challenge: `Bearer realm="${realm}"` }));
    await expect(sessionAt(registry.port).get("manifests/1", "*/*")).rejects.toMatchObject({
      code: "registry.insecure",
    });
  },
);

test.each(["localhost.example:5000", "127.0.0.1.example", "127.example"])("%s is not this computer", (host) => {
  const session = new RegistrySession(parseReference(`${host}/a/b:1`), () => Promise.resolve(LOGIN), signal);
  expect(session.urlOf("manifests/1")).toMatch(/^https:/);
});
