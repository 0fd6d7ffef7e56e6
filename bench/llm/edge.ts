import http from "node:http";
import { within } from "drayage-clock";
import type { Front } from "../../packages/dray/src/core/release.ts";
import type { ServiceState } from "../../packages/dray/src/edge/state.ts";
import { addressOf, LLM_IMAGE, must } from "../../test/world/images.ts";
import { type BareEdge, keyOf, serviceOf, startEdge, stateOf } from "../../test/world/edge.ts";
import { cpuUs } from "../cpu.ts";
import { median } from "../median.ts";

const KEY = "a-key-of-a-good-length";
const LOADED_MS = 120_000;
const NOBODY: http.RequestListener = (_request, answer) => void answer.end();

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A language server on this computer, and an edge before it that counts its tokens by key. */
async function startServer(): Promise<{ direct: string; edge: BareEdge } & AsyncDisposable> {
  const args = "-m /app/tiny.gguf --alias tiny --host 0.0.0.0 --port 8080 --slots -t 1 -np 2 -c 16384".split(" ");
  const id = await must(["docker", "run", "-d", "--entrypoint", "/app/llama-server", LLM_IMAGE, ...args]);
  const address = await addressOf(id);
  const direct = `http://${address}:8080`;
  await within(LOADED_MS, undefined, async (signal) => {
    for (; !signal.aborted; await wait(100))
      if (
        await fetch(`${direct}/health`)
          .then(({ ok }) => ok)
          .catch(() => false)
      )
        return;
  });
  const edge = await startEdge(() => stateOf(streaming(serviceWith({ address, port: 8080 }, TOKENS))), NOBODY);
  return {
    direct,
    edge,
    [Symbol.asyncDispose]: async () => {
      await edge[Symbol.asyncDispose]();
      await must(["docker", "rm", "-f", id]);
    },
  };
}

/** More tokens than there will be. */
const TOKENS = { tokens: { count: 1_000_000_000, perMs: 60_000 } };

function serviceWith(replica: { address: string; port: number }, front: Front): ServiceState {
  return serviceOf(front, replica, { keys: { app: keyOf(KEY) }, closed: true });
}

/** As `dray init --llm` has it: the first bytes of a stream are waited for, too. */
function streaming(service: ServiceState): ServiceState {
  for (const { release } of service.releases) release.settings.streams = true;
  return service;
}

const completion = (tokens: number): RequestInit => ({
  method: "POST",
  headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
  body: JSON.stringify({ model: "tiny", prompt: "Hi", max_tokens: tokens, stream: true, logit_bias: { "2": -100 } }),
});

/** How long the first token takes to come, straight from the server and through the edge: medians of `rounds` times `many`, A/B/A/B. */
export async function ttftPenalty(
  rounds: number,
  many: number,
): Promise<{ directMs: number; edgeMs: number; penaltyMs: number }> {
  await using server = await startServer();
  const times: Record<"direct" | "edge", number[]> = { direct: [], edge: [] };
  const urls = { direct: server.direct, edge: `http://${server.edge.address}` };
  for (let round = 0; round < 2 * rounds; round++) {
    const way = round % 2 === 0 ? "direct" : "edge";
    for (let each = 0; each < many; each++) times[way].push(await firstToken(`${urls[way]}/v1/completions`));
  }
  const [directMs, edgeMs] = [tenths(median(times.direct)), tenths(median(times.edge))];
  return { directMs, edgeMs, penaltyMs: tenths(edgeMs - directMs) };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

async function firstToken(url: string): Promise<number> {
  const startedAt = performance.now();
  const answer = await fetch(url, completion(2));
  const reader = answer.body?.getReader();
  await reader?.read();
  const ms = performance.now() - startedAt;
  while ((await reader?.read())?.done === false);
  return ms;
}

/** From when a client leaves its stream until the server works on nothing. */
export async function freedAfter(): Promise<{ freedMs: number }> {
  await using server = await startServer();
  const times: number[] = [];
  for (let each = 0; each < 5; each++) {
    const leaving = new AbortController();
    const answer = await fetch(`http://${server.edge.address}/v1/completions`, {
      ...completion(8000),
      signal: leaving.signal,
    });
    await answer.body?.getReader().read();
    leaving.abort();
    const startedAt = performance.now();
    while (await isBusy(server.direct)) await wait(10);
    times.push(performance.now() - startedAt);
  }
  return { freedMs: Math.round(median(times)) };
}

async function isBusy(direct: string): Promise<boolean> {
  const slots = (await (await fetch(`${direct}/slots`)).json()) as { is_processing: boolean }[];
  return slots.some(({ is_processing: works }) => works);
}

const EVENTS = 200;
const EVENT =
  'data: {"id":"cmpl-1","object":"text_completion","choices":[{"text":" word","index":0,"finish_reason":null}]}\n\n';

/** Streams of `EVENTS` events, each in a piece of its own, as fast as they are taken. */
const pours: http.RequestListener = (_request, answer) => {
  answer.writeHead(200, { "content-type": "text/event-stream" });
  let left = EVENTS;
  const next = (): void => {
    if (left-- === 0) return void answer.end("data: [DONE]\n\n");
    answer.write(EVENT, () => setImmediate(next));
  };
  next();
};

/** What counting costs the edge: microseconds of its processor time an event, with it and without, A/B/A/B. */
export async function tokenCosts(
  rounds: number,
  streams: number,
): Promise<{ plainUsPerEvent: number; countedUsPerEvent: number; countUsPerEvent: number }> {
  await using plain = await startEdge((replica) => stateOf(serviceWith(replica, {})), pours);
  await using counting = await startEdge((replica) => stateOf(serviceWith(replica, TOKENS)), pours);
  const times: { plain: number[]; counted: number[] } = { plain: [], counted: [] };
  for (let round = 0; round < rounds; round++) {
    times.plain.push(await cpuPerEvent(plain, streams));
    times.counted.push(await cpuPerEvent(counting, streams));
  }
  const [plainUsPerEvent, countedUsPerEvent] = [tenths(median(times.plain)), tenths(median(times.counted))];
  return { plainUsPerEvent, countedUsPerEvent, countUsPerEvent: tenths(countedUsPerEvent - plainUsPerEvent) };
}

async function cpuPerEvent(edge: BareEdge, streams: number): Promise<number> {
  const before = await cpuUs(edge.container);
  for (let done = 0; done < streams; done += 10)
    await Promise.all(
      Array.from({ length: 10 }, async () => await (await fetch(`http://${edge.address}/`, completion(1))).text()),
    );
  return ((await cpuUs(edge.container)) - before) / (Math.ceil(streams / 10) * 10 * EVENTS);
}
