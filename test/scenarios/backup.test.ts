import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const KEY = "a-key-that-outlives-its-machine";
const ENV = { CALLER: KEY, TOKEN: "planted-token-5ad1", DRAY_BACKUP_PASSPHRASE: "four words are quite enough" };

const manifest = (vm: Vm): string =>
  [
    "service: decisions",
    `machine: ${vm.host}`,
    `image: ${appImage("1")}`,
    "keys: {ann: {env: CALLER}}",
    "secrets: {TOKEN: {machine: true}}",
    "volumes: {notes: {at: /notes, write: true}}",
  ].join("\n");

const answerOf = async (vm: Vm, key: string): Promise<number> => {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  return (await fetch(`http://${vm.address}/decisions`, { method: "POST", headers, body: "{}" })).status;
};

test("a machine that is lost: another one takes over from a sealed file and the manifest, with keys, secrets, data and history", async () => {
  await using lost = await startVm();
  const dray = async (vm: Vm, ...argv: string[]): Promise<string> => {
    const ended = await vm.drayWith(ENV, ...argv);
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    return ended.stdout + ended.stderr;
  };
  await lost.write("dray.yaml", manifest(lost).replace("{machine: true}", "{env: TOKEN}"));
  await dray(lost, "deploy", "-y");
  const container = (await lost.inside("docker", "ps", "-q", "-f", "label=dray.service=decisions")).trim();
  await lost.inside("docker", "exec", container, "sh", "-c", "echo kept > /notes/file");
  const served = await answerOf(lost, KEY);
  expect(served).toBeLessThan(300);
  await dray(lost, "machine", "backup", "--data", "--out", "backups");
  const folder = path.join(lost.folder, "backups");
  const [name = ""] = await readdir(folder);
  expect(name).toMatch(/^dray-.+Z\.tar\.age$/);
  expect((await stat(path.join(folder, name))).mode & 0o077).toBe(0);
  // The one that goes on serves all the time; that it is gone makes no difference to what follows.
  expect(await answerOf(lost, KEY)).toBe(served);

  await using fresh = await startVm();
  await fresh.write("dray.yaml", manifest(fresh));
  const file = path.join(folder, name);
  expect(await dray(fresh, "machine", "restore", file)).toContain("keys, certificates and history of decisions");
  const deployed = await dray(fresh, "deploy", "-y");
  expect(deployed).not.toContain(ENV.TOKEN);
  expect(await answerOf(fresh, KEY)).toBe(served);
  expect(await answerOf(fresh, "another-key")).toBe(401);
  const replica = (await fresh.inside("docker", "ps", "-q", "-f", "label=dray.service=decisions")).trim();
  expect(await fresh.inside("docker", "exec", replica, "cat", "/notes/file")).toBe("kept");
  // Both deploys, with who did them.
  expect(await fresh.inside("docker", "exec", "dray-edge", "cat", "/var/lib/dray/audit.jsonl")).toMatch(
    /"service":"decisions"[^]*"service":"decisions"/,
  );

  // What the lost machine ran is not here: nothing is offered that could not be done.
  expect((await fresh.drayWith(ENV, "rollback")).stderr).toContain("[release.none-before]");
  const again = await fresh.drayWith(ENV, "machine", "restore", file);
  expect(again.stderr).toContain("[backup.in-use]");
});
