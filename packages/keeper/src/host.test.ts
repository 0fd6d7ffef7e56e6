import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { askGolden } from "./alerts/golden.ts";
import { askReady } from "./alerts/ready.ts";
import { Haproxy } from "./haproxy.ts";
import { hostOf } from "./host.ts";
import { Hung } from "./hung.ts";
import { Shadows } from "./shadow/shadows.ts";

const NAME = "api.example.com";

/** An API that is strict about names, as Django's ALLOWED_HOSTS makes one; and what it was called. */
async function strict(): Promise<{ at: { address: string; port: number }; names: string[] }> {
  const names: string[] = [];
  const server = http.createServer((request, answer) => {
    names.push(request.headers.host ?? "");
    const known = request.headers.host === NAME;
    answer.writeHead(known ? 200 : 500).end(known ? '{"score": 0.9}' : "DisallowedHost");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return { at: { address: "127.0.0.1", port: (server.address() as AddressInfo).port }, names };
}

test("a release is asked by its host, else its domain, else the machine's address", () => {
  expect(hostOf({ host: NAME, domain: "other" }, "192.0.2.1")).toBe(NAME);
  expect(hostOf({ domain: NAME }, "192.0.2.1")).toBe(NAME);
  expect(hostOf({}, "192.0.2.1")).toBe("192.0.2.1");
  expect(hostOf({}, "2001:db8::1")).toBe("[2001:db8::1]");
  expect(hostOf({}, undefined)).toBeUndefined();
});

test("readiness, golden requests and copies carry the name that clients use", async () => {
  const { at, names } = await strict();
  const golden = { method: "POST", path: "/d", body: "{}", status: 200, answer: '{"score": 0.9}', tolerance: 0 };
  expect(await askReady({ ...at, ready: "/health", host: NAME })).toBe("answered");
  expect(await askGolden(golden, at, NAME)).toBeUndefined();
  // One that says another name itself keeps it.
  expect(await askGolden({ ...golden, headers: { host: "other" } }, at, NAME)).toContain("500");
  // A state of an older dray says no name: the address, as before.
  expect(await askReady({ ...at, ready: "/health", host: undefined })).toBe("failed");
  expect(names).toEqual([NAME, NAME, "other", `127.0.0.1:${at.port}`]);

  const shadows = new Shadows(await home(), () => undefined);
  const servers = [`http://127.0.0.1:${at.port}`];
  const wish = { release: "r2", servers, timeoutMs: 1000, share: 100, tolerance: 0 };
  const copy = {
    service: "s",
    method: "GET",
    path: "/",
    headers: [["x-forwarded-host", NAME]] as [string, string][],
    shadow: true,
    keep: false,
    release: "r1",
    id: "1",
    body: Buffer.from(""),
    answer: { status: 200, ms: 1, body: Buffer.from("") },
  };
  for (const host of [NAME, undefined]) {
    await shadows.want({ s: { ...wish, host } });
    shadows.take(copy);
    await expect.poll(() => names.at(-1)).toBe(host ?? `127.0.0.1:${at.port}`);
  }
  await shadows.close();
});

test("whether a replica hangs is asked by the name that the state has", async () => {
  const { at, names } = await strict();
  const folder = await home();
  const settings = { ready: "/health", domain: NAME };
  const releases = [{ release: { id: "r1", settings }, replicas: [{ container: "c", ...at }] }];
  const state = { address: "192.0.2.1", services: { s: { service: "s", current: "r1", releases } } };
  await writeFile(path.join(folder, "state.json"), JSON.stringify(state));
  const hung = new Hung(folder, new Haproxy("/nowhere"), () => undefined);
  hung.tick();
  await expect.poll(() => names).toEqual([NAME]);
});

async function home(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-host-"));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  return folder;
}
