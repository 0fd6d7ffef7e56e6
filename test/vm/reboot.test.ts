import { readFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { expect, test } from "vitest";
import { selfSigned } from "../world/certificate.ts";
import { appImage } from "../world/images.ts";
import { type QemuVm, startQemu } from "./machine.ts";

const HOST = "api.example.net";
const CALLS = 200;

async function write(vm: QemuVm, rollout: string): Promise<void> {
  await vm.write(
    "dray.yaml",
    [
      "service: decisions",
      `machine: ${vm.host}`,
      `image: ${appImage("1")}`,
      "ready: /",
      `domain: ${HOST}`,
      "tls: {certificate: cert.pem, key: {file: cert.key}}",
      `rollout: ${rollout}`,
      "",
    ].join("\n"),
  );
}

/** How many of `CALLS` answers came from each release, over HTTPS with the right certificate; others are failures. */
async function split(vm: QemuVm, ca: string): Promise<Record<string, number>> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 4 });
  const count: Record<string, number> = {};
  for (let call = 0; call < CALLS; call++) {
    const release = await ask(vm, ca, agent).catch((error: unknown) => `failed: ${String(error)}`);
    count[release] = (count[release] ?? 0) + 1;
  }
  agent.destroy();
  return count;
}

async function ask(vm: QemuVm, ca: string, agent: https.Agent): Promise<string> {
  const request = https.get({
    host: "127.0.0.1",
    port: vm.https,
    path: "/",
    headers: { host: HOST },
    servername: HOST,
    ca,
    agent,
    checkServerIdentity: (_name, peer) => tls.checkServerIdentity(HOST, peer),
  });
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  answer.resume();
  await once(answer, "end");
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
  return String(answer.headers["x-dray-release"]);
}

/** Waits until the endpoint answers again; resolves to the seconds that took. */
async function back(vm: QemuVm, ca: string): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const agent = new https.Agent();
    const said = await ask(vm, ca, agent).catch(() => undefined);
    if (said !== undefined) return Math.round((performance.now() - startedAt) / 1000);
    if (performance.now() - startedAt > 120_000) throw new Error(await vm.inside("docker ps -a"));
    await sleep(500);
  }
}

const state = async (vm: QemuVm): Promise<string> =>
  await vm.inside("docker exec dray-edge cat /var/lib/dray/state.json");

test("a VM that is rebooted, and one whose power is cut, is back by itself: release, split and certificate", async () => {
  await using vm = await startQemu();
  const [cert, key] = ["cert.pem", "cert.key"].map((name) => path.join(vm.folder, name)) as [string, string];
  await selfSigned(cert, key, `DNS:${HOST}`);
  const ca = await readFile(cert, "utf8");
  await write(vm, "{}");
  const first = await vm.dray("deploy", "-y");
  expect(first.code, first.stderr).toBe(0);
  const old = Object.keys(await split(vm, ca))[0] ?? "";

  // A canary that somebody watches: whoever began it was killed, and the lease is made to last.
  await write(vm, "{canary: [25], every: 1h}");
  await vm.drayKilledAfter(/ready and proved/, 8000, "deploy", "-y");
  await vm.inside(
    "docker exec dray-edge bash -c 'for lock in /var/lib/dray/lock*decisions*/expires; do echo $((EPOCHSECONDS + 7200)) > \"$lock\"; done'",
  );
  const before = { split: await split(vm, ca), state: await state(vm) };
  const [fresh] = Object.keys(before.split).filter((release) => release !== old);
  expect(before.split[fresh ?? ""], JSON.stringify(before.split)).toBeGreaterThan(CALLS * 0.2);

  for (const [how, act] of [
    ["reboot", () => vm.reboot()],
    ["power cut", () => vm.powerCut()],
  ] as const) {
    await act();
    const seconds = await back(vm, ca);
    process.stderr.write(`${how}: answers ${seconds} s after ssh does\n`);
    await expect.poll(() => vm.inside("docker ps -q | wc -l"), { timeout: 60_000, interval: 1000 }).toBe("4");
    expect(await state(vm)).toBe(before.state);
    const after = await split(vm, ca);
    expect(new Set(Object.keys(after)), JSON.stringify(after)).toEqual(new Set([old, fresh]));
    expect(Math.abs((after[fresh ?? ""] ?? 0) / CALLS - 0.25), JSON.stringify(after)).toBeLessThan(0.05);
  }
  // Nobody watches any more: the share is taken away, also after a boot.
  await vm.inside(
    "docker exec dray-edge bash -c 'for lock in /var/lib/dray/lock*decisions*/expires; do echo 0 > \"$lock\"; done'",
  );
  await expect.poll(() => split(vm, ca), { timeout: 60_000, interval: 1000 }).toEqual({ [old]: CALLS });
  await write(vm, "{}");
  const next = await vm.dray("deploy", "-y");
  expect(next.code, next.stderr).toBe(0);
});
