import { appImage } from "./images.ts";
import { startLoad } from "./load.ts";
import type { Vm } from "./vm.ts";

const PER_SECOND = 200;
/** Once an engine that was killed is back, and the edge with it, no request fails later than this many milliseconds. */
const ENGINE_MS = 10_000;
/** A link that breaks stays broken for so long. */
const CUT_MS = 2000;

/** dray is killed; its link is cut; the machine's engine is killed. */
export const WAYS = ["kill", "cut", "engine"] as const;
const VERBS = ["deploy", "rollback"] as const;

/** A moment of a command, and what happens then. */
export interface Point {
  way: (typeof WAYS)[number];
  verb: (typeof VERBS)[number];
  /** Counts the events of the command. */
  at: number;
  name: string;
}

/** What came of it, under load. */
export interface Met {
  sent: number;
  failed: number;
  outageMs: number;
  /** `status` says that something was interrupted. */
  told: boolean;
  /** What the next deploy said when it failed. */
  again: string;
  againMs: number;
  /** The next deploy went well, and nothing was left; and requests failed for no longer than may be. */
  recovered: boolean;
  served: boolean;
  problems: string[];
}

/** Every point of a deploy and a rollback, on one stand-in that has a wire. */
export interface Crashes {
  points: readonly Point[];
  /** Undefined when the command had ended before the point was reached. */
  meet(point: Point): Promise<Met | undefined>;
}

/** Deploys both versions, so that there is something to go back to, and learns the steps. */
export async function openCrashes(vm: Vm): Promise<Crashes> {
  let image = "1";
  const settle = async (): Promise<string> => {
    image = image === "1" ? "2" : "1";
    await vm.write("dray.yaml", manifest(vm, image));
    const ended = await vm.dray("deploy", "--wait");
    return ended.code === 0 ? "" : ended.stderr;
  };
  for (const _twice of [1, 2]) {
    const failed = await settle();
    if (failed !== "") throw new Error(failed);
  }
  return { points: await pointsOf(vm), meet: async (point) => await meet(vm, point, settle) };
}

async function meet(vm: Vm, point: Point, settle: () => Promise<string>): Promise<Met | undefined> {
  const load = startLoad(`http://${vm.address}/`, PER_SECOND);
  if (!(await interrupt(vm, point))) {
    await load.stop();
    await settle();
    return undefined;
  }
  const status = await vm.dray("status");
  const told = /was interrupted while changing/.test(status.stderr + status.stdout);
  // An engine that is still starting is told as such: whoever types the command again waits for it.
  if (point.way === "engine") await vm.inside("sh", "-c", ENGINE_IS_BACK);
  const startedAt = performance.now();
  const again = await settle();
  const againMs = Math.round(performance.now() - startedAt);
  const left = await leftovers(vm);
  const { sent, failed, outageMs, failedAt, problems: seen } = await load.stop();
  const recovered = again === "" && left === "";
  // How long the engine itself takes to come back is the machine's, and the bench tells it.
  const served = point.way === "engine" ? failedAt < startedAt + ENGINE_MS : failed === 0;
  const problems = [
    ...(recovered ? [] : [`${again.slice(-600)}${left}`]),
    ...(served ? [] : [`${failed} requests failed, for ${outageMs} ms: ${seen[0]}`]),
  ].map((problem) => `${point.name}: ${problem}`);
  return { sent, failed, outageMs, told, again, againMs, recovered, served, problems };
}

const ENGINE_IS_BACK =
  "for i in $(seq 100); do docker version >/dev/null 2>&1 && docker exec dray-edge bash -c : && exit; sleep 0.1; done; exit 1";

const manifest = (vm: Vm, image: string): string =>
  `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(image)}\nready: /health\nport: 8080\nenv: {POLITE: "1"}\n` +
  // How fast half a second's answers are on a machine whose engine was just killed is not what this is about.
  "rollout: {canary: [50], every: 500ms, minimum: 10, bake: 500ms, maxP95: 1000x}\n";

const argvOf = (verb: Point["verb"]): string[] => [verb, "--json"];
const isStep = (line: string): boolean => /"type":"step\.(started|done)"/.test(line);

/** Every event of a step in a deploy and in a rollback, as they come when nothing goes wrong. */
async function pointsOf(vm: Vm): Promise<Point[]> {
  const points: Point[] = [];
  for (const verb of VERBS) {
    const names = await stepsOf(vm, verb);
    for (const way of WAYS)
      points.push(...names.map((name, at) => ({ way, verb, at, name: `${way} at ${verb} ${name}` })));
  }
  return points;
}

async function stepsOf(vm: Vm, verb: Point["verb"]): Promise<string[]> {
  const running = vm.drayRunning(...argvOf(verb));
  const names: string[] = [];
  running.onLine((line) => {
    if (!isStep(line)) return;
    const { type, step } = JSON.parse(line) as { type: string; step: string };
    names.push(`${step} ${type === "step.done" ? "done" : "begun"}`);
  });
  const ended = await running.ended;
  if (ended.code !== 0) throw new Error(ended.stderr);
  return names;
}

/** Runs the command and breaks it at the point; false when it ended before. */
async function interrupt(vm: Vm, { way, verb, at }: Point): Promise<boolean> {
  const running = vm.drayRunning(...argvOf(verb));
  let seen = 0;
  let reached = false;
  const broken = new Promise<void>((resolve, reject) => {
    running.onLine((line) => {
      if (!isStep(line) || seen++ !== at) return;
      reached = true;
      if (way === "kill") running.kill("SIGKILL");
      if (way === "cut") vm.wire?.cut();
      if (way === "engine") vm.inside("pkill", "-KILL", "dockerd").then(() => resolve(), reject);
      else resolve();
    });
  });
  await Promise.race([broken, running.ended]);
  // A link stays cut for a while; an engine comes back by itself.
  if (way === "cut") setTimeout(() => vm.wire?.mend(), CUT_MS);
  await running.ended;
  vm.wire?.mend();
  return reached;
}

/** Containers that run and should not, and locks and journals that nobody holds. */
async function leftovers(vm: Vm): Promise<string> {
  const replicas = await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica");
  const list = "cd /var/lib/dray && echo lock-* journal-*";
  const files = await vm.inside("docker", "exec", "dray-edge", "bash", "-c", list);
  const many = replicas.split("\n").length;
  return `${many === 1 ? "" : ` ${many} replicas run`}${files === "lock-* journal-*" ? "" : ` left: ${files}`}`;
}
