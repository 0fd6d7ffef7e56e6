// An image's first way to a machine, against the ways by hand; over links of several speeds.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { within } from "drayage-clock";
import { run } from "../packages/dray/src/base/process.ts";
import { appImage, CACHE, must } from "../test/world/images.ts";
import { worldFolder } from "../test/world/owner.ts";
import type { Vm } from "../test/world/vm.ts";
import { median } from "./median.ts";
import type { Figures, Stage } from "./stage.ts";

/** Round trip in milliseconds, and megabits in a second. */
const LINKS: Readonly<Record<string, { rttMs: number; mbit?: number }>> = {
  loopback: { rttMs: 0 },
  "1 Gbit/s": { rttMs: 0, mbit: 1000 },
  "100 Mbit/s, 40 ms": { rttMs: 40, mbit: 100 },
};
const SIZES_GB = [0.3, 1.2];
/** Of a smoke, which goes one of the ways and takes it for all. */
const SMOKE = { sizes: [0.005], links: ["loopback"], ways: ["plain"] };
/** Of an image of numpy, scikit-learn and the like, in layers: libraries, packages, code. */
const LAYERS = [0.25, 0.7, 0.05];
/** About 0.4 of it is left by gzip, as of wheels with machine code. */
const RANDOM_SHARE = 0.25;
const LOOK_EVERY_MS = 250;

/** What of one image and one link came of one round, in milliseconds. */
interface Round {
  gb: number;
  link: string;
  drayCold: number;
  drayWarm: number;
  byHand: Record<string, number>;
}

interface Bench {
  vm: Vm;
  folder: string;
  env: Record<string, string>;
  say: (line: string) => void;
  smoke: boolean;
  maxRssMb: number;
}

/** Rounds of each image over each link; the fastest way by hand is what counts. */
export async function benchCarry(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm("ops", { rttMs: 0 });
  const folder = await worldFolder("drc-");
  const env = { DRAY_CACHE: path.join(folder, "cache") };
  const bench: Bench = { vm, folder, env, say, smoke: stage.smoke, maxRssMb: 0 };
  const { sizes, links } = stage.smoke ? SMOKE : { sizes: SIZES_GB, links: Object.keys(LINKS) };
  const met: Round[] = [];
  try {
    // What dray itself needs is there; what is carried is not. A blob is never written to again, so a link will do.
    await must(["cp", "-al", CACHE, env.DRAY_CACHE]);
    // The edge is there already: it is the image that is measured.
    if (!stage.smoke) await setUp(bench);
    for (const gb of sizes)
      for (const link of links) for (let at = 0; at < rounds; at++) met.push(await oneRound(bench, gb, link));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { images: rowsOf(met), maxRssMb: bench.maxRssMb };
}

/** A new image: by dray as nobody knows it, by dray once more, and by hand. */
async function oneRound(bench: Bench, gb: number, link: string): Promise<Round> {
  const { vm, say, smoke } = bench;
  const image = `drayage-bench/${vm.host}:carry-${randomBytes(4).toString("hex")}`;
  await buildImage(bench, image, gb);
  try {
    const drayCold = await overLink(bench, link, () => deploy(bench, image, "cold"));
    const drayWarm = smoke ? drayCold : await overLink(bench, link, () => deploy(bench, image, "warm"));
    const byHand: Record<string, number> = {};
    for (const [way, pipe] of Object.entries(HAND)) {
      if (smoke && !SMOKE.ways.includes(way)) continue;
      const argv = ["sh", "-c", pipe(`ssh -F ${path.join(vm.folder, "ssh_config")} ${vm.host}`, image)];
      byHand[way] = await overLink(bench, link, () => timed(async () => void (await must(argv))));
      await vm.inside("docker", "rmi", "-f", image);
    }
    say(`${gb} GB, ${link}: cold ${drayCold} ms, warm ${drayWarm} ms, by hand ${JSON.stringify(byHand)}`);
    return { gb, link, drayCold, drayWarm, byHand };
  } finally {
    await must(["docker", "rmi", "-f", image]);
  }
}

/** Each begins where the machine has nothing of the image. */
const HAND: Readonly<Record<string, (ssh: string, image: string) => string>> = {
  plain: (ssh, image) => `docker save ${image} | ${ssh} docker load`,
  gzip: (ssh, image) => `docker save ${image} | gzip -1 | ${ssh} docker load`,
};

async function overLink<T>({ vm }: Bench, name: string, act: () => Promise<T>): Promise<T> {
  const { wire } = vm;
  if (wire === undefined) throw new Error("no wire");
  Object.assign(wire, { mbit: undefined, ...LINKS[name] });
  try {
    return await act();
  } finally {
    Object.assign(wire, { rttMs: 0, mbit: undefined });
  }
}

/** Another service, below a path of its own. */
async function setUp({ vm, env }: Bench): Promise<void> {
  const at = `service: before\nmachine: ${vm.host}\nport: 8080\nready: /health\nprefix: /before\n`;
  await vm.write("before.yaml", `${at}image: ${appImage("1")}\n`);
  const ended = await vm.drayWith(env, "deploy", "--file", "before.yaml", "--yes");
  if (ended.code !== 0) throw new Error(ended.stderr);
}

/** Deploys it as a service of its own, and takes that away again with all that the machine had of it. */
async function deploy(bench: Bench, image: string, service: string): Promise<number> {
  const { vm, env } = bench;
  const on = ["--machine", vm.host, "--service", service];
  const argv = ["deploy", image, ...on, "--port", "8080", "--open", "--yes"];
  const looking = setInterval(() => void noteMemory(bench), LOOK_EVERY_MS);
  const did = async (words: readonly string[]): Promise<void> => {
    const ended = await vm.drayWith(env, ...words);
    if (ended.code !== 0) throw new Error(ended.stderr);
  };
  const took = await timed(() => did(argv)).finally(() => clearInterval(looking));
  await did(["remove", ...on, "--yes"]);
  return took;
}

/** The most that a deploy of this bench has had in memory. */
async function noteMemory(bench: Bench): Promise<void> {
  const { stdout } = await within(10_000, undefined, (signal) => run(["ps", "-eo", "rss,args"], { signal }));
  const ours = stdout.split("\n").filter((line) => line.includes(" deploy ") && line.includes(bench.vm.host));
  const mb = ours.map((line) => Math.round(Number.parseInt(line.trim(), 10) / 1024));
  bench.maxRssMb = Math.max(bench.maxRssMb, ...mb);
}

async function timed(act: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return Math.round(performance.now() - startedAt);
}

async function buildImage({ folder }: Bench, image: string, gb: number): Promise<void> {
  const files = LAYERS.map((_share, at) => `layer-${at}`);
  await Promise.all(files.map(async (name, at) => await fill(path.join(folder, name), gb * 1e9 * (LAYERS[at] ?? 0))));
  const copies = files.map((name) => `COPY ${name} /${name}\n`).join("");
  await writeFile(path.join(folder, "Dockerfile"), `FROM ${appImage("1")}\n${copies}`);
  await writeFile(path.join(folder, ".dockerignore"), "cache\n");
  await must(["docker", "build", "-q", "-t", image, folder]);
  await Promise.all(files.map(async (name) => await rm(path.join(folder, name))));
}

const BLOCK = 1_000_000;

/** Random bytes and words, in turn. */
async function fill(file: string, bytes: number): Promise<void> {
  const words = Array.from({ length: 4096 }, () => randomBytes(1 + ((randomBytes(1)[0] ?? 0) >> 5)).toString("hex"));
  const to = createWriteStream(file);
  for (let written = 0; written < bytes; written += BLOCK) {
    const random = randomBytes(BLOCK * RANDOM_SHARE);
    const picks = new Uint16Array(randomBytes(BLOCK / 4).buffer);
    const text = Array.from(picks, (pick) => words[pick % words.length]).join(" ");
    const block = Buffer.concat([random, Buffer.from(text)]).subarray(0, Math.min(BLOCK, bytes - written));
    if (!to.write(block)) await once(to, "drain");
  }
  to.end();
  await once(to, "finish");
}

/** Of each image over each link: as nobody knows it, and with all of it in dray's cache. */
function rowsOf(met: readonly Round[]): object[] {
  const keys = [...new Set(met.map(({ gb, link }) => `${gb} ${link}`))];
  return keys.flatMap((key) => {
    const rounds = met.filter(({ gb, link }) => `${gb} ${link}` === key);
    const hand = median(rounds.map(({ byHand }) => Math.min(...Object.values(byHand))));
    const row = (cold: boolean, ms: (round: Round) => number): object[] =>
      rounds.slice(0, 1).map(({ gb, link }) => ({ gb, link, cold, drayMs: median(rounds.map(ms)), handMs: hand }));
    return [...row(true, ({ drayCold }) => drayCold), ...row(false, ({ drayWarm }) => drayWarm)];
  });
}
