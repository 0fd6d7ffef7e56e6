// From the package to the first served prediction, as on a computer that has never seen dray.
import { copyFile, lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Ended, run } from "../packages/dray/src/base/process.ts";
import { laptopEnv, type Vm } from "../test/world/vm.ts";
import { median } from "./median.ts";
import type { Figures, Stage } from "./stage.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STARTS = 5;
const MB = 1e6;

/** Figures of an installation from the packed tarball. A smoke fetches nothing, so it has no endpoint. @throws Error where a command fails */
export async function benchInstall(_rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const home = await mkdtemp(path.join(tmpdir(), "dray-install-"));
  try {
    const tarball = await makePackage(path.join(home, "package"), say);
    if (stage.smoke) return { ...(await install(tarball, home)), fetchedMb: null, firstEndpointSeconds: null };
    // The machine's own start is not what is measured.
    await using vm = await stage.startVm("ops", { fresh: true });
    const startedAt = performance.now();
    const installed = await install(tarball, home);
    const fetched = await firstPrediction(home, vm);
    const packed = (await lstat(tarball)).size / MB;
    return { ...installed, fetchedMb: round(packed + fetched), firstEndpointSeconds: seconds(startedAt) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function makePackage(out: string, say: (line: string) => void): Promise<string> {
  const made = await checked(["node", "scripts/release.mjs", "--dry-run", "--offline", "--out", out], ROOT);
  say(made.stderr.trim());
  return (JSON.parse(made.stdout) as { file: string }).file;
}

async function install(tarball: string, home: string): Promise<Figures> {
  const startedAt = performance.now();
  const npm = ["npm", "install", "--global", "--no-audit", "--no-fund", "--prefix", home, tarball];
  const { stdout, stderr } = await checked(npm, home);
  const installSeconds = seconds(startedAt);
  const starts: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const beganAt = performance.now();
    await checked([path.join(home, "bin", "dray"), "--version"], home);
    starts.push(Math.round(performance.now() - beganAt));
  }
  return {
    packageMb: round((await sizeOf(path.join(home, "lib"))) / MB),
    installSeconds,
    cliStartMs: median(starts),
    warnings: `${stdout}${stderr}`.split("\n").filter((line) => /warn/i.test(line)).length,
  };
}

/** Deploys a model to a machine that has nothing of ours, and asks it; the answer is how many MB came from npm. */
async function firstPrediction(home: string, vm: Vm): Promise<number> {
  await copyFile(path.join(ROOT, "examples/decisions-onnx/model.onnx"), path.join(vm.folder, "model.onnx"));
  const env = {
    ...laptopEnv(path.join(vm.folder, "ssh_config")),
    DRAY_CONFIG: path.join(vm.folder, "config"),
    DRAY_CONTROL_HOST: vm.address,
    DRAY_CACHE: path.join(home, "cache"),
  };
  const dray = async (...argv: string[]): Promise<string> =>
    (await checked([path.join(home, "bin", "dray"), ...argv, "--json"], vm.folder, env)).stderr;
  const said = await dray("init", "--model", "model.onnx", "--machine", vm.host, "--service", "decisions");
  await dray("deploy", "--yes");
  await dray("request");
  return bytesTold(said) / MB;
}

/** The sizes of everything that was fetched, out of the events of a command. */
function bytesTold(events: string): number {
  const totals = new Set<number>();
  for (const line of events.split("\n").filter((each) => each.startsWith("{"))) {
    const { type, total } = JSON.parse(line) as { type: string; total?: number };
    if (type === "step.progress" && total !== undefined) totals.add(total);
  }
  return [...totals].reduce((sum, total) => sum + total, 0);
}

async function checked(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const ended = await run(argv, { signal: new AbortController().signal, cwd, env });
  if (ended.code !== 0) throw new Error(`${argv.join(" ")} ended with ${ended.code}\n${ended.stderr}`);
  return ended;
}

/** The bytes of all files below a folder. */
async function sizeOf(folder: string): Promise<number> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    all.filter((each) => each.isFile()).map(async (each) => (await lstat(path.join(each.parentPath, each.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const seconds = (startedAt: number): number => round((performance.now() - startedAt) / 1000);
const round = (value: number): number => Math.round(value * 10) / 10;
