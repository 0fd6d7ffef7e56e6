// dray killed, its link cut, the machine's engine killed: at every step of a deploy and of a rollback, under load.
import { appImage, prepareImages } from "../test/world/images.ts";
import { startLoad } from "../test/world/load.ts";
import { startVm, type Vm } from "../test/world/vm.ts";

const PER_SECOND = 200;
/** An engine that was killed is back, and its containers with it, within so many milliseconds. */
const ENGINE_MS = 10_000;

type Way = "kill" | "cut" | "engine";
type Verb = "deploy" | "rollback";

interface Point {
  way: Way;
  verb: Verb;
  /** Counts the events of the command. */
  at: number;
  name: string;
}

type Figures = Record<string, number | string[]>;

/** With one round every twelfth point only: a smoke. */
export async function benchCrash(rounds: number, say: (line: string) => void): Promise<Figures> {
  await prepareImages();
  await using vm = await startVm("bookworm", "ops", { rttMs: 0 });
  const figures = {
    points: 0,
    served: 0,
    failedRequests: 0,
    failedWithoutEngine: 0,
    stuckLocks: 0,
    recovered: 0,
    told: 0,
    engineMs: 0,
  };
  const problems: string[] = [];
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
  for (const point of await pointsOf(vm, rounds === 1 ? 12 : 1)) {
    const load = startLoad(`http://${vm.address}/`, PER_SECOND);
    const reached = await interrupt(vm, point);
    if (!reached) {
      await load.stop();
      await settle();
      continue;
    }
    figures.points++;
    const status = await vm.dray("status");
    if (/was interrupted while changing/.test(status.stderr + status.stdout)) figures.told++;
    // An engine that is still starting is told as such: whoever types the command again waits for it.
    if (point.way === "engine")
      await vm.inside(
        "sh",
        "-c",
        "for i in $(seq 100); do docker version >/dev/null 2>&1 && docker exec dray-edge bash -c : && exit; sleep 0.1; done; exit 1",
      );
    const startedAt = performance.now();
    const failed = await settle();
    if (/service\.locked/.test(failed)) figures.stuckLocks++;
    const left = await leftovers(vm);
    if (failed === "" && left === "") figures.recovered++;
    else problems.push(`${point.name}: ${failed.slice(-600)}${left}`);
    const met = await load.stop();
    const { outageMs } = met;
    figures.engineMs = Math.max(figures.engineMs, outageMs);
    if (outageMs < (point.way === "engine" ? ENGINE_MS : 1)) figures.served++;
    else problems.push(`${point.name}: requests failed for ${outageMs} ms`);
    figures.failedRequests += met.failed;
    if (point.way !== "engine") figures.failedWithoutEngine += met.failed;
    if (met.failed > 0 && point.way !== "engine")
      problems.push(`${point.name}: ${met.failed} failed: ${met.problems[0]}`);
    say(
      `${point.name}: ${met.failed} of ${met.sent} failed, for ${outageMs} ms; again in ${Math.round(performance.now() - startedAt)} ms${failed === "" ? "" : " FAILED"}`,
    );
  }
  return { ...figures, problems };
}

const manifest = (vm: Vm, image: string): string =>
  `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(image)}\nready: /health\nport: 8080\nenv: {POLITE: "1"}\n` +
  "rollout: {canary: [50], every: 500ms, minimum: 10, bake: 500ms}\n";

const argvOf = (verb: Verb): string[] => [verb, "--json"];
const isStep = (line: string): boolean => /"type":"step\.(started|done)"/.test(line);

/** Every event of a step in a deploy and in a rollback, as they come when nothing goes wrong. */
async function pointsOf(vm: Vm, every: number): Promise<Point[]> {
  const points: Point[] = [];
  for (const verb of ["deploy", "rollback"] as const) {
    const running = vm.drayRunning(...argvOf(verb));
    const names: string[] = [];
    running.onLine((line) => {
      if (!isStep(line)) return;
      const { type, step } = JSON.parse(line) as { type: string; step: string };
      names.push(`${verb} ${step} ${type === "step.done" ? "done" : "begun"}`);
    });
    const ended = await running.ended;
    if (ended.code !== 0) throw new Error(ended.stderr);
    for (const way of ["kill", "cut", "engine"] as const) {
      for (const [at, name] of names.entries()) points.push({ way, verb, at, name: `${way} at ${name}` });
    }
  }
  return points.filter((_point, index) => index % every === 0);
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
  if (way === "cut") setTimeout(() => vm.wire?.mend(), 2000);
  await running.ended;
  vm.wire?.mend();
  return reached;
}

/** Containers that run and should not, and locks and journals that nobody holds. */
async function leftovers(vm: Vm): Promise<string> {
  const replicas = await vm.inside("docker", "ps", "-q", "--filter", "label=dray.role=replica");
  const files = await vm.inside(
    "docker",
    "exec",
    "dray-edge",
    "bash",
    "-c",
    "cd /var/lib/dray && echo lock-* journal-*",
  );
  const many = replicas.split("\n").length;
  return `${many === 1 ? "" : ` ${many} replicas run`}${files === "lock-* journal-*" ? "" : ` left: ${files}`}`;
}
