// The lecture's redeploy by hand against dray, on one stand-in, A/B/A/B.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { within } from "drayage-clock";
import { run } from "../packages/dray/src/base/process.ts";
import { appImage, must, prepareRegistry, REGISTRY_IMAGE } from "../test/world/images.ts";
import { worldFolder } from "../test/world/owner.ts";
import type { Vm } from "../test/world/vm.ts";
import { openWire, type Wire } from "../test/world/wire.ts";
import { median } from "./median.ts";
import type { Stage } from "./stage.ts";
import { watch, type Watch } from "./watch.ts";

const RTTS = [0, 50];
const BASE_BYTES = 88_000_000;
const CHANGE_BYTES = 1_000_000;
/** Of a smoke, which looks only whether everything runs. */
const SMOKE = { baseBytes: 100_000, settleMs: 0 };
const FULL = { baseBytes: BASE_BYTES, settleMs: 1000 };
/** dray's edge and the container run by hand share the machine. */
const DRAY_PORT = 8000;
const TOKEN = "token-of-the-hour";

type Figures = Record<string, number>;

/** One stand-in, a registry beside it, and both services running their first release. */
interface Bench {
  vm: Vm;
  wire: Wire;
  registry: Wire;
  folder: string;
  byHand: Watch;
  byDray: Watch;
  versions: number;
  size: typeof FULL;
}

/** Measures; figures are medians of `rounds`, in milliseconds and bytes. */
export async function benchDeploy(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await prepareRegistry();
  say("a stand-in, and an image of 300 MB in it and here");
  await using vm = await stage.startVm("ops", { rttMs: 0, fresh: true });
  await must([
    "docker",
    "run",
    "-d",
    "--name",
    `${vm.host}-registry`,
    "--network",
    `container:${vm.host}`,
    REGISTRY_IMAGE,
  ]);
  const folder = await worldFolder("drb-");
  try {
    await using registry = await openWire(vm.address, 5000);
    await using byHand = watch(`http://${vm.address}/`);
    await using byDray = watch(`http://${vm.address}:${DRAY_PORT}/`);
    if (vm.wire === undefined) throw new Error("no wire");
    const bench: Bench = {
      vm,
      wire: vm.wire,
      registry,
      folder,
      byHand,
      byDray,
      versions: 0,
      size: stage.smoke ? SMOKE : FULL,
    };
    await setUp(bench);
    const series: Record<string, number[]> = {};
    // A smoke goes one of the ways and takes it for both: what is measured differs in nothing but the number.
    for (const rtt of stage.smoke ? RTTS.slice(1) : RTTS) {
      bench.wire.rttMs = rtt;
      registry.rttMs = rtt;
      for (let round = 0; round < rounds; round++) {
        const met = { ...(await handRound(bench)), ...(await drayRound(bench)) };
        for (const as of stage.smoke ? RTTS : [rtt])
          for (const [name, value] of Object.entries(met)) (series[`${name}@${as}`] ??= []).push(value);
        say(
          `RTT ${rtt} ms: ${Object.entries(met)
            .map(([name, value]) => `${name} ${Math.round(value)}`)
            .join(", ")}`,
        );
      }
    }
    return summary(series);
  } finally {
    await must(["docker", "rm", "-f", "-v", `${vm.host}-registry`]);
    await must([
      "sh",
      "-c",
      "docker images 'drayage-bench/dray-world-*' --format '{{.Repository}}:{{.Tag}}' | xargs -r docker rmi -f",
    ]);
    await rm(folder, { recursive: true, force: true });
  }
}

function summary(series: Record<string, number[]>): Figures {
  const of = (name: string, rtt: number): number => median(series[`${name}@${rtt}`] ?? []);
  const failed = RTTS.flatMap((rtt) => series[`drayFailed@${rtt}`] ?? []).reduce((sum, each) => sum + each, 0);
  const figures = {
    handServingMs: of("handServing", 0),
    drayServingMs: of("drayServing", 0),
    handTotalMs: of("handTotal", 0),
    drayTotalMs: of("drayTotal", 0),
    drayRollbackServingMs: of("drayRollbackServing", 0),
    handDownMs: of("handDown", 0),
    drayFailed: failed,
    rttPenaltyMs: of("drayServing", 50) - of("drayServing", 0),
    bytesSent: of("drayBytes", 0),
    // Further figures: with the connection of a command before still open, and at 50 ms.
    drayWarmServingMs: of("drayWarmServing", 0),
    handServing50Ms: of("handServing", 50),
    drayServing50Ms: of("drayServing", 50),
    drayWarmServing50Ms: of("drayWarmServing", 50),
    drayRollbackServing50Ms: of("drayRollbackServing", 50),
    servingRatio: of("handServing", 0) / of("drayServing", 0),
    totalRatio: of("handTotal", 0) / of("drayTotal", 0),
  };
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      /Ratio/.test(name) ? Math.round(value * 100) / 100 : Math.round(value),
    ]),
  );
}

/** A new image: the same 300 MB, and another megabyte on top. */
async function nextImage(bench: Bench): Promise<{ image: string; version: string }> {
  const version = `v${++bench.versions}`;
  const image = `drayage-bench/${bench.vm.host}:${version}`;
  await writeFile(path.join(bench.folder, "change"), randomBytes(CHANGE_BYTES));
  await writeFile(
    path.join(bench.folder, "Dockerfile"),
    `FROM drayage-bench/base:latest\nCOPY change /change\nENV VERSION=${version}\n`,
  );
  await must(["docker", "build", "-q", "-t", image, bench.folder]);
  return { image, version };
}

async function setUp(bench: Bench): Promise<void> {
  const { vm, folder } = bench;
  await writeFile(path.join(folder, "base"), randomBytes(bench.size.baseBytes));
  await writeFile(path.join(folder, "Dockerfile"), `FROM ${appImage("1")}\nCOPY base /base\n`);
  await must(["docker", "build", "-q", "-t", "drayage-bench/base:latest", folder]);
  await rm(path.join(folder, "base"));
  await must(
    ["docker", "--config", folder, "login", "-u", "oauth2accesstoken", "--password-stdin", registryOf(bench)],
    TOKEN,
  );
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nedge: {port: ${DRAY_PORT}}\nready: /\n`);
  await redeployByHand(bench, await nextImage(bench), true);
  await deploy(bench, await nextImage(bench), await coldStart(bench));
  await retired(bench);
}

function registryOf(bench: Bench): string {
  return `127.0.0.1:${bench.registry.port}`;
}

async function handRound(bench: Bench): Promise<Figures> {
  const next = await nextImage(bench);
  bench.byDray.pause();
  bench.byHand.reset();
  await settled(bench);
  const startedAt = performance.now();
  await redeployByHand(bench, next, false);
  const total = performance.now() - startedAt;
  const serving = (await bench.byHand.firstOf(next.version)) - startedAt;
  return { handServing: serving, handTotal: total, handDown: bench.byHand.downMs(), handFailed: bench.byHand.failed };
}

/** What the lecture types, without the time to type it: tag, push; on the VM log in, pull, stop, rm, run. */
async function redeployByHand(bench: Bench, next: { image: string }, first: boolean): Promise<void> {
  const [, tag = ""] = next.image.split(":");
  const here = `${registryOf(bench)}/decisions:${tag}`;
  const there = `127.0.0.1:5000/decisions:${tag}`;
  await must(["docker", "tag", next.image, here]);
  await must(["docker", "--config", bench.folder, "push", "-q", here]);
  await must(["docker", "rmi", here]);
  const script = [
    "docker login -u oauth2accesstoken --password-stdin 127.0.0.1:5000",
    `docker pull -q ${there}`,
    ...(first ? [] : ["docker stop my-api", "docker rm my-api"]),
    `docker run -d -p 80:8080 --name=my-api ${there}`,
  ].join(" && ");
  await must(["ssh", "-F", path.join(bench.vm.folder, "ssh_config"), bench.vm.host, script], TOKEN);
}

/** Where ssh has no connection left from an earlier command. */
async function coldStart(bench: Bench): Promise<Record<string, string>> {
  return { TMPDIR: await mkdtemp(path.join(bench.folder, "t")) };
}

async function drayRound(bench: Bench): Promise<Figures> {
  const before = await servingNow(bench);
  const next = await nextImage(bench);
  bench.byHand.pause();
  bench.byDray.reset();
  await settled(bench);
  let failed = 0;
  const fresh = (): void => {
    failed += bench.byDray.failed;
    bench.byDray.reset();
  };
  const sent = bench.wire.bytes.there;
  const cold = await deploy(bench, next, await coldStart(bench));
  const bytes = bench.wire.bytes.there - sent;
  await retired(bench);
  // The old release is stopped by now: going back must start it again.
  const env = await coldStart(bench);
  fresh();
  await settled(bench);
  const back = await timed(bench, before, env, ["rollback"]);
  await retired(bench);
  fresh();
  const warm = await deploy(bench, await nextImage(bench), env);
  await retired(bench);
  fresh();
  return {
    drayServing: cold.serving,
    drayTotal: cold.total,
    drayBytes: bytes,
    drayRollbackServing: back.serving,
    drayWarmServing: warm.serving,
    drayFailed: failed,
  };
}

async function servingNow(bench: Bench): Promise<string> {
  const answer = await fetch(`http://${bench.vm.address}:${DRAY_PORT}/`);
  return ((await answer.json()) as { version: string }).version;
}

async function deploy(
  bench: Bench,
  next: { image: string; version: string },
  env: Record<string, string>,
): Promise<{ serving: number; total: number }> {
  return await timed(bench, next.version, env, ["deploy", next.image]);
}

async function timed(
  bench: Bench,
  version: string,
  env: Record<string, string>,
  argv: string[],
): Promise<{ serving: number; total: number }> {
  const startedAt = performance.now();
  const ended = await bench.vm.drayWith(env, ...argv);
  const total = performance.now() - startedAt;
  if (ended.code !== 0) throw new Error(`dray ${argv.join(" ")}\n${ended.stderr}`);
  return { total, serving: (await bench.byDray.firstOf(version)) - startedAt };
}

/** The machine is quiet again after a build or a retirement. */
async function settled({ size }: Bench): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, size.settleMs));
}

/** Waits until what a command left to be done later is done: one replica runs. */
async function retired(bench: Bench): Promise<void> {
  const script = 'test "$(docker ps -q --filter label=dray.role=replica | wc -l)" = 1';
  for (let attempt = 0; attempt < 300; attempt++) {
    const ended = await within(10_000, undefined, (signal) =>
      run(["docker", "exec", bench.vm.host, "sh", "-c", script], { signal }),
    );
    if (ended.code === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the old release was never retired");
}
