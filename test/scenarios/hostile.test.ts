import path from "node:path";
import { expect, test } from "vitest";
import { attack, attacks, KINDS } from "../world/hostile.ts";
import { selfSigned } from "../world/certificate.ts";
import { appImage } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const COUNT = 10_000;
const AT_ONCE = 40;
const KEY = "a-partner-key-of-a-good-length";

async function deploy(vm: Vm): Promise<void> {
  const [cert, key] = ["own.pem", "own.key"].map((name) => path.join(vm.folder, name)) as [string, string];
  await selfSigned(cert, key, `IP:${vm.address}`);
  await vm.write(
    "dray.yaml",
    [
      "service: decisions",
      `machine: ${vm.host}`,
      `image: ${appImage("1")}`,
      "ready: /",
      "tls: {certificate: own.pem, key: {file: own.key}}",
      "keys: {partners: {env: PARTNER_KEY}}",
      "limits: {body: 64KiB, concurrency: 16}",
      'env: {POLITE: "1", KEYED: partners}',
      "",
    ].join("\n"),
  );
  const ended = await vm.drayWith({ PARTNER_KEY: KEY, NODE_EXTRA_CA_CERTS: cert }, "deploy", "-y");
  expect(ended.code, ended.stderr).toBe(0);
}

/** Container, process and how often the engine started it again, of everything of ours. */
const containers = async (vm: Vm): Promise<string> =>
  await vm.inside(
    "sh",
    "-c",
    "docker inspect -f '{{.Name}} {{.State.Pid}} {{.RestartCount}} {{.State.Running}}' $(docker ps -aq)",
  );

test("10,000 hostile requests: none reaches the model without a key, none ends anything", async () => {
  await using vm = await startVm();
  await deploy(vm);
  const before = await containers(vm);
  const kinds: Record<string, number> = {};
  const through: string[] = [];
  const waiting = attacks(COUNT, KINDS);
  const worker = async (): Promise<void> => {
    for (const one of waiting) {
      const said = await attack(one, { address: vm.address, http: 80, https: 443 });
      kinds[one.kind] = (kinds[one.kind] ?? 0) + 1;
      if (said.includes('"decision"')) through.push(`${one.kind}: ${JSON.stringify(one.parts).slice(0, 300)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(Object.values(kinds).reduce((sum, count) => sum + count, 0)).toBe(COUNT);
  expect(Object.keys(kinds)).toHaveLength(10);
  expect([...new Set(through)].slice(0, 10)).toEqual([]);
  const said = await vm.dray("logs", "-n", "all");
  expect(
    said.stdout
      .split("\n")
      .filter((line) => line.includes("UNAUTHENTICATED"))
      .slice(0, 10),
  ).toEqual([]);
  expect(await containers(vm)).toBe(before);
  // The alarm itself works, and whoever has a key is served.
  const called = await vm.drayWith(
    { PARTNER_KEY: KEY, NODE_EXTRA_CA_CERTS: path.join(vm.folder, "own.pem") },
    "request",
    "-d",
    "{}",
    "-p",
    "/decisions",
  );
  expect(called.stdout, called.stderr).toContain("-> 200");
  const script = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/decisions', data=b'{}')";
  await vm.dray("exec", "--", "python3", "-c", script);
  // All of it: there were none before, and a connection that is reset just then has the release say many lines of its own.
  expect((await vm.dray("logs", "-n", "all")).stdout).toContain("UNAUTHENTICATED");
});
