import cluster, { type Worker } from "node:cluster";
import { AggregatorRegistry, type RegistryContentType } from "prom-client";
import { Refusal } from "./refusal.ts";
import type { Settings } from "./settings.ts";
import { start } from "./start.ts";

/** What primary and workers say to each other. */
type Message =
  | { ask: "metrics"; id: number }
  | { tell: "metrics"; id: number; text: string | undefined }
  | { tell: "loaded" }
  | { tell: "all loaded" };

/** The primary gives the workers five seconds; one that is stuck itself answers nobody. */
const NUMBERS_MS = 10_000;
/** Before another one is started in the place of one that could not load its model. */
const AGAIN_MS = 1000;

/** Set for a worker that takes the place of one that died. */
const REPLACES = "DRAY_SERVE_REPLACES";

/**
 * One process per core: each has a model of its own, and the kernel hands out the connections. They say that they are
 * ready when all of them are: a caller who was told so by one may be given to any other. From then on a worker that
 * dies is replaced; one that dies before ends everything, because the next would die, too.
 */
export function conduct(workers: number): void {
  // Where the primary hands them out, one that it gave to a worker that was just dying is never answered and never closed.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  const registry = new AggregatorRegistry();
  const loaded = new Set<number>();
  let allLoaded = false;
  let stopping = false;
  cluster.on("message", (worker: Worker, message: Message) => {
    if ("ask" in message) void tellNumbers(registry, worker, message.id);
    if (!("tell" in message) || message.tell !== "loaded") return;
    loaded.add(worker.id);
    allLoaded ||= loaded.size === workers;
    if (allLoaded) for (const each of all()) each.send({ tell: "all loaded" });
  });
  const replace = (): void => {
    if (!stopping) fork({ [REPLACES]: "1" });
  };
  const stop = (code: number): void => {
    stopping = true;
    process.exitCode = code;
    for (const worker of all()) worker.process.kill("SIGTERM");
    if (all().length === 0) process.exit();
  };
  cluster.on("exit", (worker, code) => {
    const wasLoaded = loaded.delete(worker.id);
    if (stopping && all().length === 0) process.exit();
    if (stopping) return;
    if (allLoaded) setTimeout(replace, wasLoaded ? 0 : AGAIN_MS);
    else stop(code || 1);
  });
  process.once("SIGTERM", () => stop(0)).once("SIGINT", () => stop(0));
  for (let index = 0; index < workers; index++) fork({});
}

const all = (): Worker[] => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);

/** What is sent to one that is just dying fails, and is an error of ours where nobody listens. */
function fork(env: Record<string, string>): void {
  cluster.fork(env).on("error", () => undefined);
}

async function tellNumbers(
  registry: AggregatorRegistry<RegistryContentType>,
  worker: Worker,
  id: number,
): Promise<void> {
  const text = await registry.clusterMetrics().catch(() => undefined);
  worker.send({ tell: "metrics", id, text });
}

/** One worker: serves its share, and asks the primary for everybody's metrics. */
export async function play(settings: Settings): Promise<void> {
  // It is what answers when prom-client asks in the primary; none is answered where a worker has made none.
  void new AggregatorRegistry();
  const waiting = new Map<number, (text: string | undefined) => void>();
  let count = 0;
  let go = (): void => undefined;
  const allLoaded = new Promise<void>((resolve) => (go = resolve));
  process.on("message", (message: Message) => {
    if (!("tell" in message)) return;
    if (message.tell === "all loaded") go();
    if (message.tell !== "metrics") return;
    waiting.get(message.id)?.(message.text);
  });
  const running = await start(settings, {
    metrics: async () => {
      const id = count++;
      const text = await new Promise<string | undefined>((resolve) => {
        waiting.set(id, resolve);
        process.send?.({ ask: "metrics", id });
        setTimeout(resolve, NUMBERS_MS, undefined).unref();
      });
      waiting.delete(id);
      if (text === undefined) throw new Refusal(503, "a worker did not tell its numbers in time");
      return text;
    },
    loaded: async () => {
      process.send?.({ tell: "loaded" });
      await allLoaded;
    },
    replaces: process.env[REPLACES] !== undefined,
  });
  // prom-client answers the primary's question with the registries it is told of.
  AggregatorRegistry.setRegistries(running.registry);
  const stop = (): void => {
    void running.close().finally(() => process.exit(0));
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
}
