import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { copyFile, readdir, readFile, stat } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import https from "node:https";
import path from "node:path";
import { expect, test } from "vitest";
import { type Acme, serialOf, startAcme } from "../world/acme.ts";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const HOST = "api.example.net";
const KEY = "a-key-that-outlives-its-machine";
const PASSPHRASE = "four words are quite enough";
const ENV = { CALLER: KEY, TOKEN: "planted-token-5ad1", DRAY_BACKUP_PASSPHRASE: PASSPHRASE };

const manifest = (vm: Vm, acme: Acme): string =>
  [
    "service: decisions",
    `machine: ${vm.host}`,
    `image: ${appImage("1")}`,
    `domain: ${HOST}`,
    `tls: {acme: "${acme.directory}", ca: acme-ca.pem, email: me@example.net}`,
    "keys: {ann: {env: CALLER}}",
    "secrets: {TOKEN: {machine: true}}",
    "volumes: {notes: {at: /notes, write: true}}",
  ].join("\n");

async function answerOf(vm: Vm, { rootPem: ca }: Acme, key: string): Promise<number> {
  const headers = { host: HOST, authorization: `Bearer ${key}`, "content-type": "application/json" };
  const at = { host: vm.address, servername: HOST, path: "/decisions", method: "POST", agent: false } as const;
  const request = https.request({ ...at, ca, headers }).end("{}");
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer.resume().statusCode ?? 0;
}

const replicaOf = async (vm: Vm): Promise<string> =>
  (await vm.inside("docker", "ps", "-q", "-f", "label=dray.service=decisions")).trim();

const digestOfNotes = async (vm: Vm): Promise<string> =>
  await vm.inside("docker", "exec", await replicaOf(vm), "sha256sum", "/notes/file");

/** Hands a restore the first half of its file, and kills it once it has begun to write. */
async function killHalfway(vm: Vm, file: string): Promise<void> {
  const pipe = path.join(vm.folder, "pipe");
  await must(["mkfifo", pipe]);
  await vm.write("passphrase", PASSPHRASE);
  const whole = await readFile(file);
  const restoring = vm.drayRunning("machine", "restore", "--passphrase-file", "passphrase", pipe);
  // Open for both: so nobody waits for the other side.
  const half = createWriteStream(pipe, { flags: "r+" });
  half.write(whole.subarray(0, whole.length / 2));
  await expect
    .poll(() => vm.inside("docker", "ps", "-a", "--format", "{{.Names}}"), { timeout: 60_000, interval: 200 })
    .toContain("dray-backup-");
  restoring.kill("SIGKILL");
  await restoring.ended;
  half.destroy();
}

test("a machine that is lost: another one takes over from a sealed file and the manifest, with keys, certificate, secrets, data and history, also where the first try was killed", async () => {
  await using lost = await startVm();
  await using acme = await startAcme(lost);
  const dray = async (vm: Vm, ...argv: string[]): Promise<string> => {
    const ended = await vm.drayWith({ ...ENV, NODE_EXTRA_CA_CERTS: acme.root }, ...argv);
    expect(ended.code, ended.stdout + ended.stderr).toBe(0);
    return ended.stdout + ended.stderr;
  };
  await lost.write("dray.yaml", manifest(lost, acme).replace("{machine: true}", "{env: TOKEN}"));
  await dray(lost, "deploy", "-y");
  const noting = "head -c 600000 /dev/urandom > /notes/file";
  await lost.inside("docker", "exec", await replicaOf(lost), "sh", "-c", noting);
  const notes = await digestOfNotes(lost);
  const serial = await serialOf(lost.address, HOST);
  const served = await answerOf(lost, acme, KEY);
  expect(served).toBeLessThan(300);
  await dray(lost, "machine", "backup", "--data", "--out", "backups");
  const folder = path.join(lost.folder, "backups");
  const [name = ""] = await readdir(folder);
  expect(name).toMatch(/^dray-.+Z\.tar\.age$/);
  expect((await stat(path.join(folder, name))).mode & 0o077).toBe(0);
  // The one that goes on serves all the time; that it is gone makes no difference to what follows.
  expect(await answerOf(lost, acme, KEY)).toBe(served);

  await using fresh = await startVm();
  await fresh.write("dray.yaml", manifest(fresh, acme));
  await copyFile(acme.ca, path.join(fresh.folder, path.basename(acme.ca)));
  const file = path.join(folder, name);
  await killHalfway(fresh, file);
  expect((await fresh.drayWith(ENV, "deploy", "-y")).stderr).toContain("[backup.unfinished]");
  expect(await dray(fresh, "machine", "restore", file)).toContain("keys, certificates and history of decisions");
  // The same certificate, before a keeper is there that could ask for another: nothing leads to the CA from here.
  expect(await serialOf(fresh.address, HOST)).toBe(serial);
  const deployed = await dray(fresh, "deploy", "-y");
  expect(deployed).not.toContain(ENV.TOKEN);
  expect(await answerOf(fresh, acme, KEY)).toBe(served);
  expect(await serialOf(fresh.address, HOST)).toBe(serial);
  expect(await answerOf(fresh, acme, "another-key")).toBe(401);
  expect(await digestOfNotes(fresh)).toBe(notes);
  // Both deploys, with who did them.
  expect(await fresh.inside("docker", "exec", "dray-edge", "cat", "/var/lib/dray/audit.jsonl")).toMatch(
    /"service":"decisions"[^]*"service":"decisions"/,
  );

  // What the lost machine ran is not here: nothing is offered that could not be done.
  expect((await fresh.drayWith(ENV, "rollback")).stderr).toContain("[release.none-before]");
  const again = await fresh.drayWith(ENV, "machine", "restore", file);
  expect(again.stderr).toContain("[backup.in-use]");
});
