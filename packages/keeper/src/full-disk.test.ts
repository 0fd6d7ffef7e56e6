import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { ALERTS, Secrets } from "./secrets.ts";

/** Loaded before the keeper: while the file FULL is there, nothing more can be written below DRAY_HOME, as a full disk has it. */
const FULL_DISK = `
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
const { FULL, DRAY_HOME } = process.env;
const isFull = (file) => fs.existsSync(FULL) && String(file).startsWith(DRAY_HOME);
const enospc = () => Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
const { writeFile, open } = fs.promises;
for (const name of ["writeFile", "appendFile", "mkdir", "chmod"]) {
  const real = fs.promises[name];
  fs.promises[name] = async (file, ...rest) => {
    if (!isFull(file)) return await real(file, ...rest);
    if (name === "writeFile") await writeFile(file, "");
    throw enospc();
  };
}
fs.promises.open = async (file, ...rest) => {
  const handle = await open(file, ...rest);
  const append = handle.appendFile.bind(handle);
  handle.appendFile = async (text) => { if (isFull(file)) throw enospc(); return await append(text); };
  return handle;
};
for (const name of ["write", "writev"]) {
  const real = fs[name];
  fs[name] = (...all) => (fs.existsSync(FULL) ? setImmediate(all.at(-1), enospc()) : real(...all));
}
syncBuiltinESMExports();`;

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const LINE =
  '172.18.0.1:50100 [25/Nov/2026:17:34:14.730] http~ s_api/r1.1 0/2/0/1/4 200 84 - - ---- 3/1/0/0/0 0/0 "POST /d HTTP/1.1" 5f3c -\n';

interface Kept {
  home: string;
  full: string;
  said: () => string;
  alive: () => boolean;
}

/** A keeper with a service whose troubles are told to `webhook`; its disk is full from the beginning. */
async function keeper(webhook: string): Promise<Kept> {
  const root = await mkdtemp(path.join(tmpdir(), "dray-full-"));
  const [home, own, full] = ["home", "own", "full"].map((name) => path.join(root, name)) as [string, string, string];
  await Promise.all([mkdir(home), mkdir(own), writeFile(full, "")]);
  const settings = { webhook, errors: 1, disk: 1, certificateDays: 7, ready: "/", golden: [] };
  await new Secrets(own).seal(`${ALERTS}api`, { settings: JSON.stringify(settings) }, false);
  await state(home, 1);
  const byte = (): number => 1 + Math.floor(Math.random() * 250);
  const env = {
    ...process.env,
    DRAY_HOME: home,
    DRAY_VAULT: own,
    DRAY_SECRETS: path.join(root, "memory"),
    DRAY_LISTEN: `127.${byte()}.${byte()}.${byte()}`,
    FULL: full,
  };
  const preload = `data:text/javascript,${encodeURIComponent(FULL_DISK)}`;
  const child = spawn(process.execPath, ["--import", preload, "--import", "tsx", MAIN], { env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    await rm(root, { recursive: true });
  });
  return { home, full, said: () => said, alive: () => child.exitCode === null };
}

async function state(home: string, rev: number): Promise<void> {
  const releases = [{ release: { id: "r1", settings: {} }, replicas: [] }];
  const services = { api: { service: "api", current: "r1", releases } };
  await writeFile(path.join(home, "state.json"), JSON.stringify({ v: 1, rev, services }));
}

test("a keeper whose disk is full lives, tells of it, and goes on when there is room; also when it fills up later", async () => {
  const told: string[] = [];
  const hook = http.createServer((request, answer) => {
    request.on("data", (chunk) => told.push(String(chunk))).on("end", () => answer.end());
  });
  await once(hook.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void hook.close());
  const { home, full, said, alive } = await keeper(`http://127.0.0.1:${(hook.address() as AddressInfo).port}`);
  const rev = async (): Promise<number> =>
    (
      JSON.parse(await readFile(path.join(home, "keeper-status.json"), "utf8").catch(() => '{"rev":0}')) as {
        rev: number;
      }
    ).rev;
  await expect.poll(() => told.join("\n"), { timeout: 20_000 }).toMatch(/"event":"keeper","state":"firing".*ENOSPC/);
  expect([alive(), await rev()]).toEqual([true, 0]);
  await rm(full);
  await expect.poll(rev, { timeout: 10_000 }).toBe(1);

  const logged = async (): Promise<boolean> => {
    connect(path.join(home, "access.sock"))
      .on("error", () => undefined)
      .end(LINE);
    const log = path.join(home, "logs", "access.log");
    return existsSync(log) && (await readFile(log, "utf8")).includes(LINE);
  };
  await expect.poll(logged, { timeout: 10_000, interval: 200 }).toBe(true);
  await writeFile(full, "");
  await state(home, 2);
  await logged();
  await expect.poll(said).toMatch(/fault: its status: ENOSPC[\s\S]*/);
  await expect.poll(said).toMatch(/fault: the access log: ENOSPC/);
  expect([alive(), await rev()]).toEqual([true, 1]);
  await rm(full);
  await rm(path.join(home, "logs", "access.log"));
  await expect.poll(rev, { timeout: 10_000 }).toBe(2);
  await expect.poll(logged, { timeout: 10_000, interval: 200 }).toBe(true);
  expect(said()).not.toContain("not caught");
});
