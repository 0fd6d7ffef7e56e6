import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ContentStore } from "../oci/content-store.ts";
import { registryAuth, RegistryServer } from "./registry-server.ts";

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const MANIFEST = JSON.stringify({ layers: [] });
const PASSWORD = "of this one run";

let folder: string;
let server: RegistryServer;
let base: string;
let told: string[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dray-registry-"));
  const store = new ContentStore(folder);
  await store.open();
  told = [];
  server = new RegistryServer(store, true, {
    password: PASSWORD,
    expected: { repository: "dray/loans", tag: "carry" },
    onManifest: (digest) => told.push(digest),
  });
  base = `http://127.0.0.1:${await server.listen()}`;
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** As an engine does: with what the header for it says. */
const credentials = (password: string): string => {
  const said = Buffer.from(registryAuth(password)["x-registry-auth"] ?? "", "base64url").toString();
  const { username, password: shown } = JSON.parse(said) as { username: string; password: string };
  return `Basic ${Buffer.from(`${username}:${shown}`).toString("base64")}`;
};
const put = async (
  where: string,
  body: string = MANIFEST,
  authorization: string = credentials(PASSWORD),
): Promise<number> => (await fetch(base + where, { method: "PUT", body, headers: { authorization } })).status;

test("another program of this computer gets nothing in and nothing out", async () => {
  for (const authorization of ["", "Basic eDp5", credentials("another"), `Bearer ${PASSWORD}`]) {
    expect(await put("/v2/dray/loans/manifests/carry", MANIFEST, authorization)).toBe(401);
    const asked = await fetch(`${base}/v2/`, { headers: { authorization } });
    expect(asked.status).toBe(401);
    expect(asked.headers.get("www-authenticate")).toContain("Basic");
  }
  expect(told).toEqual([]);
});

test("the image that is waited for is taken, with its parts; the tag's is the one that counts", async () => {
  const part = JSON.stringify({ layers: [], part: true });
  expect(await put(`/v2/dray/loans/manifests/${digestOf(part)}`, part)).toBe(201);
  expect(told).toEqual([]);
  expect(await put("/v2/dray/loans/manifests/carry")).toBe(201);
  expect(told).toEqual([digestOf(MANIFEST)]);
  const back = await fetch(`${base}/v2/dray/loans/manifests/${digestOf(MANIFEST)}`, {
    headers: { authorization: credentials(PASSWORD) },
  });
  expect(await back.text()).toBe(MANIFEST);
});

test("nothing else is: another repository, another tag, a part that is not what its name says", async () => {
  expect(await put("/v2/dray/other/manifests/carry")).toBe(404);
  expect(await put("/v2/dray/loans/manifests/latest")).toBe(404);
  expect(await put(`/v2/dray/loans/manifests/${digestOf("x")}`)).toBe(400);
  const upload = await fetch(`${base}/v2/dray/other/blobs/uploads/`, {
    method: "POST",
    headers: { authorization: credentials(PASSWORD) },
  });
  expect(upload.status).toBe(404);
  expect(told).toEqual([]);
});
