import { createHash } from "node:crypto";
import { accessSync, closeSync, constants, mkdirSync, openSync, readFileSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "drayage-clock";
import { run } from "../../packages/dray/src/base/process.ts";
import { ownBaseName } from "../../packages/dray/src/recipes/serve-base.ts";
import { appImage, ARCHITECTURE, EDGE_IMAGE, must, vmImage } from "./images.ts";

const KEEPER = fileURLToPath(new URL("../../packages/keeper/dist/bundle/main.js", import.meta.url));
const PREFIX = "drayage-world-seed-";
const WHOLE = "-whole";
/** One empty file for each seed: its time is when the seed was used last. */
const USED = path.join(tmpdir(), "dray-world-seeds");
/** Several checkouts with different keepers may test on one machine: each finds its own seed again. */
const SEEDS_KEPT = 4;
/** Nobody copies a seed for longer than this. */
const IN_USE_MS = 3_600_000;

/** The volume with what a stand-in's engine has after a deploy: the layers of edge, keeper and API, and no container. */
function seedName(): string {
  const parts = [
    vmImage("bookworm"),
    EDGE_IMAGE,
    appImage("1"),
    ownBaseName(ARCHITECTURE),
    readFileSync(KEEPER, "utf8"),
  ];
  return PREFIX + createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 10);
}

/** An empty volume, made last: without it somebody was stopped while the layers were copied. */
const wholeName = (seed: string): string => seed + WHOLE;

const exists = async (volume: string): Promise<boolean> =>
  (await within(60_000, undefined, (signal) => run(["docker", "volume", "inspect", volume], { signal }))).code === 0;

/** Whether it was made. */
export async function hasSeed(): Promise<boolean> {
  const found = await exists(wholeName(seedName()));
  if (found) markUsed(seedName());
  return found;
}

/** Fills a stand-in's volume with what the seed has; without a seed its engine begins with nothing. */
export async function growFromSeed(volume: string): Promise<void> {
  if (await hasSeed()) await copyVolume(seedName(), volume);
}

/** Makes the seed from a stopped stand-in's volume; of the others those stay that were used last. */
export async function makeSeed(from: string): Promise<void> {
  await removeOldSeeds();
  // Whoever was stopped in the middle of it left a part.
  if (await exists(seedName())) await must(["docker", "volume", "rm", seedName()]);
  await must(["docker", "volume", "create", seedName()]);
  await copyVolume(from, seedName());
  await must(["docker", "volume", "create", wholeName(seedName())]);
  markUsed(seedName());
}

/** Which volumes outlive the run that made them: whole seeds, and what says so. */
export async function seedVolumes(): Promise<ReadonlySet<string>> {
  return new Set((await wholeSeeds()).flatMap((seed) => [seed, wholeName(seed)]));
}

async function wholeSeeds(): Promise<string[]> {
  const names = await must(["docker", "volume", "ls", "-q", "--filter", `name=${PREFIX}`]);
  return names
    .split("\n")
    .filter((name) => name.endsWith(WHOLE))
    .map((name) => name.slice(0, -WHOLE.length));
}

async function removeOldSeeds(): Promise<void> {
  const oldest = (await wholeSeeds()).toSorted((a, b) => usedAt(b) - usedAt(a)).slice(SEEDS_KEPT - 1);
  for (const seed of oldest.filter((each) => Date.now() - usedAt(each) > IN_USE_MS))
    for (const volume of [wholeName(seed), seed]) await must(["docker", "volume", "rm", "-f", volume]);
}

function markUsed(seed: string): void {
  mkdirSync(USED, { recursive: true });
  const file = path.join(USED, seed);
  closeSync(openSync(file, "a"));
  utimesSync(file, new Date(), new Date());
}

function usedAt(seed: string): number {
  return statSync(path.join(USED, seed), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Fills a volume from another: the layers, which an engine never changes, as links to the same files; the rest as copies. */
async function copyVolume(from: string, to: string): Promise<void> {
  const volumes = `${await dockerRoot()}/volumes`;
  const script = (at: string): string[] => [
    "sh",
    "-c",
    [
      `cd ${at}/${from}/_data`,
      `tar -c --exclude=./overlay2 . | tar -x -C ${at}/${to}/_data`,
      `cp -al overlay2 ${at}/${to}/_data/`,
    ].join(" && "),
  ];
  // A container for that takes longer than the copy: it is for where the engine's files are out of reach.
  if (isWritable(`${volumes}/${from}/_data`)) return void (await must(script(volumes)));
  // What says that a folder of a layer hides the one below is an attribute that only SYS_ADMIN may copy.
  const rights = ["--network", "none", "--cap-add", "SYS_ADMIN", "-v", `${volumes}:/volumes`];
  await must(["docker", "run", "--rm", ...rights, vmImage("bookworm"), ...script("/volumes")]);
}

let root: Promise<string> | undefined;
/** The engine stays where it is. */
const dockerRoot = async (): Promise<string> => await (root ??= must(["docker", "info", "-f", "{{.DockerRootDir}}"]));

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
