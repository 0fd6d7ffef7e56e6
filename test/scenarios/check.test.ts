import http from "node:http";
import { once } from "node:events";
import { cp } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startAcme } from "../world/acme.ts";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const LOANS = fileURLToPath(new URL("../../examples/decisions-onnx", import.meta.url));
const KEY = "a-partner-key-of-a-good-length";
const HOST = "api.example.net";

interface Checked {
  items: { number: number; verdict: string; evidence: string; fix?: string }[];
  sections: Record<string, number>;
  score: number;
}

test("a fresh deploy with domain and keys: every question that applies is answered well", async () => {
  await using vm = await startVm();
  await using acme = await startAcme(vm);
  const gateway = await must(["docker", "network", "inspect", vm.host, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
  const hook = http.createServer((_request, answer) => void answer.end());
  await once(hook.listen(0, gateway), "listening");
  await cp(LOANS, vm.folder, { recursive: true });
  await vm.write(
    "dray.yaml",
    [
      "service: loans",
      `machine: ${vm.host}`,
      "model: model.onnx",
      "golden: golden.json",
      `domain: ${HOST}`,
      `tls: {acme: "${acme.directory}", ca: acme-ca.pem}`,
      "keys: {partners: {env: PARTNER_KEY}}",
      "rate: 200/s",
      "limits: {memory: 512MiB, cpus: 1, concurrency: 32, queue: 64, body: 1MiB}",
      "rollout: {canary: [20], every: 1s, bake: 1s}",
      "requests: {share: 100, mask: [income]}",
      `alerts: {webhook: "http://${gateway}:${(hook.address() as AddressInfo).port}/"}`,
      "",
    ].join("\n"),
  );
  const env = { PARTNER_KEY: KEY, NODE_EXTRA_CA_CERTS: acme.root };
  const dray = async (...argv: string[]): Promise<string> => {
    const ended = await vm.drayWith(env, ...argv);
    expect(ended.code, `${argv.join(" ")}: ${ended.stdout}${ended.stderr}`).toBe(0);
    return ended.stdout;
  };
  await dray("deploy", "-y");
  await dray("alerts", "test");
  await dray("request", "--machine", vm.host, "--count", "40");
  await expect
    .poll(async () => (await dray("requests", "export")).trim().split("\n").length, { timeout: 10_000 })
    .toBeGreaterThan(35);
  const exported = await dray("requests", "export");
  expect(exported).toContain('"income":"[masked]"');
  await vm.write("requests.jsonl", exported);
  await dray("drift", "--baseline", "requests.jsonl");

  const ended = await vm.drayWith(env, "check", "--json");
  const found = JSON.parse(ended.stdout) as Checked;
  const bad = found.items.filter((item) => item.verdict === "fail" || item.verdict === "unknown");
  expect(bad, ended.stderr).toEqual([]);
  expect(ended.stderr).not.toContain("MaxListenersExceededWarning");
  expect(found.items).toHaveLength(27);
  expect(
    found.items
      .filter((item) => item.verdict === "skipped")
      .map((item) => item.number)
      .toSorted((a, b) => a - b),
  ).toEqual([11, 12, 13, 27]);
  expect(found.score).toBe(1);
  expect(ended.code).toBe(0);
  hook.close();
});

test("the lecture's container by hand: what is missing is said, one by one; its layers need not travel again", async () => {
  await using vm = await startVm();
  await byHand(vm);
  const startedAt = performance.now();
  const ended = await vm.dray("check", "--machine", vm.host, "--container", "my-api", "--json");
  // It waits for nothing that could not change an answer.
  expect(performance.now() - startedAt).toBeLessThan(25_000);
  expect(ended.stderr).not.toContain("Warning");
  const found = JSON.parse(ended.stdout) as Checked;
  const of = (verdict: string): number[] =>
    found.items
      .filter((item) => item.verdict === verdict)
      .map((item) => item.number)
      .toSorted((a, b) => a - b);
  // What a plain container has: bounded time, the right clock, no secret about, only its own port. The cloud's metadata is open to it.
  expect(of("pass")).toEqual([20, 25]);
  expect(of("unknown")).toEqual([6]);
  expect(of("fail")).toHaveLength(23);
  expect(found.items.every((item) => item.verdict !== "fail" || item.fix !== undefined)).toBe(true);
  expect(found.score).toBe(0);
  expect(ended.code).toBe(1);
  const text = await vm.dray("check", "--machine", vm.host, "--container", "my-api");
  expect(text.stdout).toMatch(/FAIL +2 HTTPS with a good certificate[\s\S]*nothing speaks TLS[\s\S]*fix: domain:/);

  await vm.inside("docker", "rm", "-f", "my-api");
  const deployed = await vm.dray("deploy", appImage("2"), "--machine", vm.host, "--service", "decisions", "--json");
  expect(deployed.code, deployed.stderr).toBe(0);
  const { outcomes } = JSON.parse(deployed.stdout) as { outcomes: { bytesSent: number }[] };
  expect(outcomes[0]?.bytesSent).toBeLessThan(100_000);
});

/** As the lecture does it. */
async function byHand(vm: Vm): Promise<void> {
  const image = appImage("1");
  const tar = path.join(vm.folder, "image.tar");
  await must(["docker", "save", "-o", tar, image]);
  await must(["docker", "cp", tar, `${vm.host}:/image.tar`]);
  await vm.inside("docker", "load", "-q", "-i", "/image.tar");
  await vm.inside("docker", "run", "-d", "-p", "80:8080", "--name=my-api", image);
  await expect.poll(() => fetch(`http://${vm.address}/`).then(({ status }) => status, String)).toBe(200);
}
