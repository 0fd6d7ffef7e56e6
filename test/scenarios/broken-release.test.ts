import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const GOLDEN = JSON.stringify([
  { request: { method: "POST", path: "/decisions", body: { a: 1 } }, expect: { status: 200, body: { score: 0.9 } } },
]);

test("a release that cannot serve leaves the old one serving and names the cause", async () => {
  await using vm = await startVm();
  const manifest = (tag: string): string =>
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /health\nlimits: {ready: 3s}\n`;
  await vm.write("golden.json", GOLDEN);
  await vm.write("dray.yaml", manifest("1"));
  const first = await vm.dray("deploy");
  expect(first.stderr + first.stdout).toContain("serves at");
  const causes: [string, string][] = [
    ["localhost", "release.localhost-only"],
    ["crash", "release.crashed"],
    ["wrong-golden", "release.golden-wrong"],
    ["never-ready", "release.not-ready"],
  ];
  for (const [mode, code] of causes) {
    await vm.write("dray.yaml", manifest(mode));
    const ended = await vm.dray("deploy");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`[${code}]`);
    const answer = await fetch(`http://${vm.address}/`);
    expect(await answer.json()).toEqual({ hello: "world", version: "1" });
  }
  // Nothing of the failed releases is left: one replica, the edge, the keeper, the warden and the wall.
  expect((await vm.inside("docker", "ps", "-aq")).split("\n")).toHaveLength(5);
  const repeated = await vm.dray("request");
  expect(repeated.stdout).toContain('"score": 0.9');
});

test("a port that is taken is named, and nothing is left behind", async () => {
  await using vm = await startVm("bookworm", "root");
  await vm.inside("bash", "-c", "sshd_port=80; /usr/sbin/sshd -p $sshd_port");
  const ended = await vm.dray("deploy", appImage("1"), "--machine", vm.host, "--service", "decisions");
  expect(ended.stderr).toContain("[machine.port-taken]");
  expect(ended.stderr).toContain("sshd");
  expect(ended.code).toBe(5);
  expect(await vm.inside("docker", "ps", "-aq")).toBe("");
});
