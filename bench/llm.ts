// Streams of a real language server over switches and a rollback; what the edge adds to the first token; tokens counted.
import OpenAI from "openai";
import { LLM_IMAGE } from "../test/world/images.ts";
import type { Vm } from "../test/world/vm.ts";
import { freedAfter, tokenCosts, ttftPenalty } from "./llm/edge.ts";
import { Streams } from "./llm/streams.ts";
import type { Figures, Stage } from "./stage.ts";

/** dray's own requests are made with the first, and counted with it; the streams' with the second. */
const KEYS = { APP_KEY: "a-key-of-a-good-length-for-the-model", LOAD_KEY: "another-key-of-a-good-length-for-it" };
const KEY = KEYS.LOAD_KEY;
const [AT_ONCE, FEW] = [50, 4];
/** Between two events of a stream. */
const GAP_MS = 200;
const SILENT_MS = 60_000;
const SWITCHES = 3;
/** The keeper has the edge's line of a request within a moment. */
const COUNTED_MS = 3000;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** See test/BENCHES.md. Rounds are pairs of 40 first tokens. */
export async function benchLlm(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const streamed = await benchStreams(say, stage);
  const many = stage.smoke ? 5 : 40;
  const ttft = await ttftPenalty(stage.smoke ? 1 : rounds, many);
  say(`first token: ${ttft.directMs} ms, through the edge ${ttft.edgeMs} ms`);
  const costs = await tokenCosts(stage.smoke ? 1 : rounds, stage.smoke ? 20 : 400);
  say(
    `counting costs ${costs.countUsPerEvent} us of processor an event, where an event costs ${costs.plainUsPerEvent}`,
  );
  return { ...streamed, ttftPenaltyMs: ttft.penaltyMs, ttftDirectMs: ttft.directMs, ...costs, ...(await freedAfter()) };
}

async function benchStreams(say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm();
  const atOnce = stage.smoke ? FEW : AT_ONCE;
  await deploy(vm, atOnce, 0);
  const baseURL = `http://${vm.address}/v1`;
  const streams = new Streams(new OpenAI({ baseURL, apiKey: KEY, maxRetries: 0, timeout: 600_000 }));
  const held = streams.one({ hold: true });
  streams.keep(atOnce - 1);
  for (let turn = 1; turn <= (stage.smoke ? 1 : SWITCHES); turn++) {
    await deploy(vm, atOnce, turn);
    say(`switch ${turn}: ${streams.ended} streams ended, ${streams.cut} cut`);
  }
  await must(vm, "rollback", "-y");
  await wait(stage.smoke ? 1000 : SILENT_MS);
  await vm.inside("sh", "-c", GO);
  await Promise.all([held, streams.finish()]);
  await wait(COUNTED_MS);
  const [found] = JSON.parse(await must(vm, "metrics", "--json", "--since", "1h")) as Counted[];
  const tokens = found?.callers.find(({ caller }) => caller === "load")?.tokens;
  const takenBack = stage.smoke ? null : await slowIsTakenBack(vm, baseURL);
  say(`a release whose first token takes twice as long: ${takenBack}`);
  return {
    takenBack,
    streams: streams.ended,
    cut: streams.cut,
    tokensCounted: tokens?.answered ?? 0,
    tokensTrue: streams.tokens,
    tokensPerSecond: tokens?.perSecond ?? 0,
    problems: streams.problems,
  };
}

/** The code with which the deploy of a release ends whose first token takes twice as long, while half of the callers get it. */
async function slowIsTakenBack(vm: Vm, baseURL: string): Promise<string> {
  const streams = new Streams(new OpenAI({ baseURL, apiKey: KEY, maxRetries: 0, timeout: 600_000 }), 2);
  await deploy(vm, FEW, SWITCHES + 1);
  streams.keep(FEW);
  const rollout = { canary: [50], every: "15s", minimum: 10, bake: "1s", maxP95: "1.5x" };
  await writeManifest(vm, FEW, { GAP_MS: String(2 * GAP_MS) }, { rollout });
  const ended = await vm.drayWith(KEYS, "deploy", "-y");
  await streams.finish();
  return /error \[([\w.-]+)\].*/.exec(ended.stderr)?.[0] ?? "not taken back";
}

interface Counted {
  callers: { caller: string; tokens?: { answered: number; perSecond?: number } }[];
}

const GO = 'for each in $(docker ps -q); do docker exec "$each" touch /tmp/go; done 2>/dev/null; :';

async function deploy(vm: Vm, slots: number, release: number): Promise<void> {
  await writeManifest(vm, slots, { GAP_MS: String(GAP_MS), RELEASE: String(release) }, {});
  await must(vm, "deploy", "-y");
}

async function writeManifest(
  vm: Vm,
  slots: number,
  env: Readonly<Record<string, string>>,
  more: Readonly<Record<string, unknown>>,
): Promise<void> {
  const manifest = {
    service: "llm",
    machine: vm.host,
    image: LLM_IMAGE,
    port: 8080,
    ready: "/health",
    streams: true,
    command: ["python3", "-u", "/llm-pace.py", "/app/llama-server"],
    args: `-m /app/tiny.gguf --alias tiny --port 8081 -t 1 -np ${slots} -c ${slots * 256}`.split(" "),
    env,
    keys: { app: { env: "APP_KEY" }, load: { env: "LOAD_KEY" } },
    limits: { timeout: "10m", ready: "5m", drain: "10m", concurrency: slots, queue: slots, memory: "1GiB" },
    ...more,
  };
  await vm.write("dray.yaml", JSON.stringify(manifest));
}

async function must(vm: Vm, ...argv: string[]): Promise<string> {
  const ended = await vm.drayWith(KEYS, ...argv);
  if (ended.code !== 0) throw new Error(`dray ${argv.join(" ")}: ${ended.stderr}`);
  return ended.stdout;
}
