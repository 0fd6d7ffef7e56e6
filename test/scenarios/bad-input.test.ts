import { rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { foreignImage } from "../world/foreign-image.ts";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** For the tests that leave the machine as they found it. */
let shared: Vm;
beforeAll(async () => {
  shared = await startVm("bookworm", "ops", { rttMs: 0 });
});
afterAll(async () => {
  await shared[Symbol.asyncDispose]();
});

const manifestOf = (vm: Vm, rest: string): string => `service: decisions\nmachine: ${vm.host}\n${rest}`;

test("what is wrong in a file is said with its place, before any machine is asked", async () => {
  const vm = shared;
  const refused = async (manifest: string, golden: string, place: string, code: string): Promise<void> => {
    await vm.write("dray.yaml", manifest);
    await vm.write("golden.json", golden);
    const ended = await vm.dray("deploy");
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain(`[${code}]`);
    expect(ended.stderr).toContain(place);
    const json = await vm.dray("deploy", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code, exitCode: 3 } });
  };
  await refused(manifestOf(vm, "imagee: x\n"), "[]", "dray.yaml:3:1", "manifest.unknown-key");
  await refused("service: a\nmachines:\n  one: x\n  one: y\n", "[]", "dray.yaml:4:3", "manifest.duplicate-machine");
  await refused(manifestOf(vm, "image: x\n"), '[{"request": }]', "golden.json:1:14", "golden.invalid");
  await refused(manifestOf(vm, "image: x\nsecrets: [NOT_SET_ANYWHERE]\n"), "[]", "", "manifest.secret-missing");
  for (const file of ["dray.yaml", "golden.json"]) await rm(path.join(vm.folder, file));
});

test("an image for another processor, one that is nowhere, one without a port", async () => {
  const vm = shared;
  const at = ["--machine", vm.host, "--service", "decisions"];
  const foreign = await foreignImage(vm.folder, "arm64");
  try {
    const wrong = await vm.dray("deploy", foreign, ...at);
    expect(wrong.stderr).toContain("[image.wrong-arch]");
    expect(wrong.stderr).toContain("--platform linux/amd64");
    expect(wrong.code).toBe(5);
  } finally {
    await must(["docker", "rmi", foreign]);
  }
  const nowhere = await vm.dray("deploy", "no-such-image:1", ...at);
  expect(nowhere.stderr).toContain("[image.not-found]");
  // Nothing was begun.
  expect(await vm.inside("docker", "ps", "-aq")).toBe("");
  const found = await vm.dray("deploy", appImage("unexposed"), ...at);
  expect(found.code, found.stderr).toBe(0);
  await vm.write("dray.yaml", manifestOf(vm, `image: ${appImage("silent")}\nlimits: {ready: 3s}\n`));
  const silent = await vm.dray("deploy");
  expect(silent.stderr).toContain("[image.no-port]");
  expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "4" });
  await rm(path.join(vm.folder, "dray.yaml"));
});

// The last of the shared one: the way to it is cut, and its ssh configuration is another.
test("a machine that is not there, and one where nothing listens", async () => {
  const vm = shared;
  vm.wire?.cut();
  const cut = await vm.dray("status", "--machine", vm.host, "--service", "decisions");
  expect(cut.code).toBe(4);
  expect(cut.stderr).toMatch(/\[ssh\.(refused|unreachable|failed)\]/);
  // An address of the VM's own network that nobody has, and a port of the VM where nothing listens.
  const nobody = vm.address.replace(/\d+$/, "250");
  await vm.write("ssh_config", `Host gone\n  HostName ${nobody}\nHost shut\n  HostName ${vm.address}\n  Port 2222\n`);
  const gone = await vm.dray("status", "--machine", "gone", "--service", "decisions");
  expect(gone.stderr).toContain("[ssh.unreachable]");
  expect(gone.code).toBe(4);
  const shut = await vm.dray("status", "--machine", "shut", "--service", "decisions");
  expect(shut.stderr).toContain("[ssh.refused]");
  expect(shut.code).toBe(4);
});

test(
  "an engine that does not run, none at all, and `machine setup` that brings one",
  { timeout: 400_000 },
  async () => {
    await using vm = await startVm("bookworm", "sue");
    const at = ["--machine", vm.host, "--service", "decisions"];
    await vm.inside("sh", "-c", "touch /etc/world-engine-off; kill $(pgrep -x dockerd)");
    await vm.inside("sh", "-c", "while pgrep -x dockerd; do sleep 0.1; done");
    const down = await vm.dray("status", ...at);
    expect(down.stderr).toContain("[docker.not-running]");
    expect(down.code).toBe(5);
    await vm.inside("sh", "-c", "apt-get purge -y -qq docker.io; rm -f /var/run/docker.sock");
    const missing = await vm.dray("deploy", appImage("1"), ...at);
    expect(missing.stderr).toContain("[docker.missing]");
    expect(missing.stderr).toContain("dray machine setup");
    const unsure = await vm.dray("machine", "setup", vm.host);
    expect(unsure.stderr).toContain("apt-get install -y --no-install-recommends docker.io");
    expect(unsure.code).toBe(2);
    await vm.inside("rm", "/etc/world-engine-off");
    const set = await vm.dray("machine", "setup", vm.host, "--yes");
    expect(set.code, set.stderr).toBe(0);
    await vm.inside(
      "sh",
      "-c",
      "for i in $(seq 100); do docker version >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1",
    );
    expect((await vm.dray("machine", "setup", vm.host, "--yes")).stdout).toContain("has Docker already");
    const ended = await vm.dray("deploy", appImage("1"), ...at);
    expect(ended.code, ended.stderr).toBe(0);
  },
);

test("a disk that is too small is refused before anything is sent; one that fills up leaves nothing behind", async () => {
  await using vm = await startVm("bookworm", "root");
  const image = Number(await must(["docker", "image", "inspect", "-f", "{{.Size}}", appImage("1")]));
  /** Gives the engine a disk for so much of the image. */
  const disk = async (share: number): Promise<void> => {
    await vm.inside(
      "sh",
      "-c",
      "touch /etc/world-engine-off; kill $(pgrep -x dockerd); while pgrep -x dockerd; do sleep 0.1; done",
    );
    await vm.inside(
      "sh",
      "-c",
      `umount /var/lib/docker 2>/dev/null; mount -t tmpfs -o size=${Math.round(image * share)} tmpfs /var/lib/docker`,
    );
    await vm.inside(
      "sh",
      "-c",
      "rm /etc/world-engine-off; for i in $(seq 100); do docker version >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1",
    );
  };
  const at = ["--machine", vm.host, "--service", "decisions"];
  await disk(0.7);
  const planned = await vm.dray("deploy", appImage("1"), ...at);
  expect(planned.stderr).toMatch(/\[machine.disk-full\].*the image needs about/);
  expect(planned.code).toBe(5);
  expect(await vm.inside("docker", "ps", "-aq")).toBe("");
  // Enough for what is sent, too little beside the edge's image.
  await disk(1.06);
  const full = await vm.dray("deploy", appImage("1"), ...at);
  expect(full.stderr).toMatch(/\[machine.disk-full\].*filled up/);
  expect(full.code).toBe(5);
  expect(await vm.inside("docker", "ps", "-aq", "--filter", "label=dray.role=replica")).toBe("");
  expect(await vm.inside("docker", "images", "-q", "dray/decisions")).toBe("");
});
