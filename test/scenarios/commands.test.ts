import { rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type Ended, run } from "../../packages/dray/src/base/process.ts";
import { lockOf } from "../../packages/dray/src/targets/machines/plan/lock.ts";
import { appImage } from "../world/images.ts";
import { worldFolder } from "../world/owner.ts";
import { laptopEnv, runDray, startVm, type Vm } from "../world/vm.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/library/release.mjs", import.meta.url));

test("every command on one service, from init to remove", async () => {
  await using vm = await startVm();
  const ok = async (...argv: string[]): Promise<string> => {
    const ended = await vm.dray(...argv);
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  await vm.write("Dockerfile", `FROM ${appImage("1")}\nCOPY app.txt /\nEXPOSE 8080\n`);
  await vm.write("app.txt", "one");
  await vm.write("big.bin", "x".repeat(1000));
  await vm.write(".dockerignore", "*.bin\n");
  await vm.write(
    "golden.json",
    '[{"request": {"path": "/decisions", "method": "POST", "body": {"a": 1}}, "expect": {"body": {"score": 0.9}}}]',
  );
  expect((await vm.dray("init")).code).toBe(2);
  expect(await ok("init", "--machine", vm.host, "--service", "decisions")).toContain("golden: golden.json");
  expect((await vm.dray("init", "--machine", vm.host)).stderr).toContain("--force");

  expect(await ok("plan")).toContain("+ release");
  expect(JSON.parse(await ok("plan", "--json"))).toMatchObject([{ plan: { service: "decisions" } }]);
  expect(await ok("deploy", "--dry-run")).toContain("take the lock");
  expect(await vm.inside("docker", "ps", "-aq")).toBe("");

  const deployed = JSON.parse(await ok("deploy", "--json")) as { outcomes: { release: string }[] };
  const first = deployed.outcomes[0]?.release ?? "";
  expect((await vm.dray("rollback")).stderr).toContain("[release.none-before]");
  expect(await ok("request")).toMatch(/POST .* 200 .*edge queue \d+, model \d+/);
  const calls = JSON.parse(await ok("request", "--path", "/", "--count", "3", "--json")) as { release: string }[];
  expect(calls.map((each) => each.release)).toEqual([first, first, first]);
  expect(await ok("request", "-d", '{"b": 2}', "--path", "/decisions")).toContain('"b": 2');
  expect((await vm.dray("request", "--path", "/slow?s=x")).code).toBe(1);
  expect(await ok("open")).toContain(`http://${vm.address}/docs`);

  await vm.write("app.txt", "two");
  expect(await ok("deploy")).toContain("serves at");
  const status = JSON.parse(await ok("status", "--json")) as { services: { previous: string; releases: object[] }[] }[];
  expect(status[0]?.services[0]).toMatchObject({ previous: first, releases: [{ release: first }, { traffic: true }] });
  expect(await ok("status")).toContain("traffic");
  expect(await ok("exec", "--", "cat", "/app.txt")).toBe("two");
  expect((await vm.dray("rollback", "nope")).stderr).toContain("[release.unknown]");
  expect(await ok("rollback", first)).toContain(first);
  expect(await ok("exec", "--", "cat", "/app.txt")).toBe("one");
  // What retires the old release is a process of its own, in its own time.
  const runs = (JSON.parse(await ok("runs", "--json")) as { id: string; verb: string }[]).filter(
    ({ verb }) => verb !== "retire",
  );
  expect(runs).toMatchObject([
    { verb: "rollback", what: first, state: "done", releases: [first] },
    { verb: "rollback", what: "nope", state: "failed", failure: { code: "release.unknown" } },
    { verb: "deploy", state: "done" },
    { verb: "rollback", state: "failed", failure: { code: "release.none-before" } },
    { verb: "deploy", service: "decisions", state: "done", releases: [first] },
  ]);
  expect(await ok("runs", "show", runs[0]?.id ?? "")).toContain(`${first} serves at`);
  expect(await ok("logs", "--edge", "-n", "5")).toContain("decisions");
  expect(JSON.parse(await ok("machine", "ls", "--json"))).toMatchObject([
    { machine: vm.host, architecture: "amd64", edge: true, services: ["decisions"], addresses: [vm.address] },
  ]);
  expect(await ok("machine", "ls")).toContain("Debian GNU/Linux 12");

  const env = {
    ...laptopEnv(path.join(vm.folder, "ssh_config")),
    DRAY_STATE: path.join(vm.folder, "state"),
    DRAY_CONFIG: path.join(vm.folder, "config"),
  };
  // The library's own example, as docs/library.md shows it.
  const released = await run([process.execPath, EXAMPLE], {
    cwd: vm.folder,
    env,
    signal: new AbortController().signal,
  });
  expect(released.code, released.stderr).toBe(0);
  expect(released.stdout).toMatch(/serves \w+ at http.*\n.*: the model answers\n$/);

  expect((await vm.dray("remove")).code).toBe(2);
  expect(await ok("remove", "--yes")).toContain("gone");
  expect(await vm.inside("docker", "ps", "-aq")).toBe("");
  expect(await vm.inside("docker", "images", "-q", "dray/decisions")).toBe("");
  expect((await vm.dray("status")).stdout).toContain("nothing deployed");
});

test("help shows examples, and a wrong command line exits with 2", async () => {
  const folder = await worldFolder();
  const dray = async (...argv: string[]): Promise<Ended> =>
    await runDray(folder, laptopEnv(path.join(folder, "ssh_config")), argv);
  const help = await dray("deploy", "--help");
  expect(help.stdout).toContain("Examples:");
  expect(help.code).toBe(0);
  expect((await dray("deploy", "--no-such-flag")).code).toBe(2);
  expect((await dray("no-such-command")).code).toBe(2);
  expect((await dray("status")).stderr).toContain("[manifest.missing]");
  await rm(folder, { recursive: true });
});

/** One release serves, and a deploy waits for the next one, whose replica runs and never gets ready. `at`: where. */
async function deployThatWaits(vm: Vm, at: readonly string[]): Promise<ReturnType<Vm["drayRunning"]>> {
  expect((await vm.dray("deploy", appImage("1"), ...at)).code).toBe(0);
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("never-ready")}\nready: /health\n`,
  );
  const waiting = vm.drayRunning("deploy");
  const starts = 'until test "$(docker ps -q --filter label=dray.role=replica | wc -l)" = 2; do sleep 0.1; done';
  await vm.inside("sh", "-c", starts);
  return waiting;
}

test("two who deploy at once: one wins, the other is told who; Ctrl-C takes everything back", async () => {
  await using vm = await startVm();
  const at = ["--machine", vm.host, "--service", "decisions"];
  const slow = await deployThatWaits(vm, at);
  const other = await vm.dray("deploy", appImage("2"), ...at);
  expect(other.stderr).toMatch(/\[service\.locked\]/);
  expect(other.stderr).toMatch(/@.* has been changing decisions for \d+ s/);
  expect(other.code).toBe(6);
  slow.kill("SIGINT");
  const ended = await slow.ended;
  expect(ended.stderr).toContain("[interrupted]");
  expect(ended.code).toBe(130);
  expect(await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).not.toContain("\n");
  const after = await vm.dray("deploy", appImage("2"), ...at);
  expect(after.code, after.stderr).toBe(0);
  expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "2" });
});

test("a deploy whose lock is lost stops, takes back what it began, and says who has it now", async () => {
  await using vm = await startVm();
  const slow = await deployThatWaits(vm, ["--machine", vm.host, "--service", "decisions"]);
  const lock = lockOf("decisions");
  // All that Bob's own dray would write: a lock whose holder has ended is anybody's, and this deploy's process ends.
  const takeOver = `echo another > ${lock}/token; echo laptop/1 > ${lock}/holder; echo bob@laptop since 1 > ${lock}/owner`;
  await vm.inside("docker", "exec", "dray-edge", "bash", "-c", takeOver);
  const ended = await slow.ended;
  expect(ended.stderr).toMatch(/\[service\.lock-lost\] .*bob@laptop has it now/);
  expect(ended.code).toBe(6);
  expect((await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica")).split("\n")).toHaveLength(1);
  // What another has is not given back.
  expect(await vm.inside("docker", "exec", "dray-edge", "cat", `${lock}/token`)).toBe("another");
});
