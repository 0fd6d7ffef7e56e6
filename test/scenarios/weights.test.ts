import { createHash, randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";
import { openDepot } from "../world/weights.ts";

const MB = Number(process.env["DRAY_TEST_WEIGHTS_MB"] ?? 64);
const SECRET = "let-me-in-5f0c";
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Where the VM's containers reach this computer: the gateway of its network. */
async function gatewayOf(vm: Vm): Promise<string> {
  return await must(["docker", "network", "inspect", vm.host, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
}

test("weights are fetched once, although the line is cut and dray is killed; other bytes are refused; no login stays", async () => {
  await using vm = await startVm();
  const [content, far] = [randomBytes(MB * 1024 ** 2), randomBytes(3e6)];
  await using depot = await openDepot(content, { cuts: 5 });
  // The machine has no way to this one: it is at this computer's own loopback.
  await using hidden = await openDepot(far, { host: "127.0.0.1" });
  await mkdir(path.join(vm.folder, "tiny/sub"), { recursive: true });
  await vm.write("tiny/sub/labels.txt", "yes\nno\n");
  const url = `http://${await gatewayOf(vm)}:${depot.port}/model.bin?key=${SECRET}`;
  const write = (sum: string, release: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      [
        "service: decisions",
        `machine: ${vm.host}`,
        `image: ${appImage("1")}`,
        "keys: off",
        `env: {RELEASE: "${release}"}`,
        "weights:",
        `  big: {from: "${url}", sha256: ${sum}, at: /models/big}`,
        `  far: {from: "http://127.0.0.1:${hidden.port}/far.bin", sha256: ${sha256(far)}, at: /models/far}`,
        "  tiny: {from: ./tiny, at: /models/tiny}",
        "",
      ].join("\n"),
    );
  await write(sha256(content), "one");

  const killed = vm.drayRunning("deploy", "-y");
  depot.onSent = (sent) => sent > content.length * 0.4 && killed.kill("SIGKILL");
  expect((await killed.ended).code).not.toBe(0);
  depot.onSent = () => undefined;
  const before = depot.sent;
  const first = await vm.dray("deploy", "-y");
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain("this computer sends them");
  expect(depot.sent - before).toBeLessThan(content.length);
  const inside = async (script: string): Promise<string> => (await vm.dray("exec", "--", "sh", "-c", script)).stdout;
  expect(await inside("sha256sum < /models/big/model.bin; sha256sum < /models/far/far.bin")).toMatch(
    new RegExp(`^${sha256(content)} .*\n${sha256(far)} `),
  );
  expect(await inside("cat /models/tiny/sub/labels.txt; touch /models/big/x || echo read-only")).toBe(
    "yes\nno\nread-only\n",
  );

  const asked = [depot.requests, hidden.requests];
  await write(sha256(content), "two");
  expect((await vm.dray("plan")).stdout).not.toContain("fetch the weights");
  const second = await vm.dray("deploy", "-y", "--wait");
  expect(second.code, second.stderr).toBe(0);
  expect([depot.requests, hidden.requests]).toEqual(asked);

  const served = async (): Promise<string | null> =>
    (await fetch(`http://${vm.address}/`)).headers.get("x-dray-release");
  const live = await served();
  expect(live).not.toBeNull();
  await write("f".repeat(64), "three");
  const refused = await vm.dray("deploy", "-y");
  expect(refused.stderr).toContain("[weights.mismatch]");
  expect(await served()).toBe(live);

  const kept =
    "docker inspect $(docker ps -aq); docker volume inspect $(docker volume ls -q); docker events --since 10m --until $(date +%s)";
  expect(await vm.inside("sh", "-c", kept)).not.toContain(SECRET);
  expect(
    await vm.inside(
      "sh",
      "-c",
      `grep -rlF --exclude-dir=overlay2 ${SECRET} /var/lib/docker /run /tmp /home /root 2>/dev/null || true`,
    ),
  ).toBe("");
  expect((await vm.dray("remove", "-y")).code).toBe(0);
  expect(await vm.inside("docker", "volume", "ls", "-q", "--filter", "label=dray.role=weights")).toBe("");
});
