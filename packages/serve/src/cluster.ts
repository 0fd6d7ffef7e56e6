import cluster, { type Worker } from "node:cluster";
import { AggregatorRegistry } from "prom-client";
import type { Settings } from "./settings.ts";
import { start } from "./start.ts";

/** What primary and workers say to each other. */
type Message = { ask: "metrics"; id: number } | { tell: "metrics"; id: number; text: string };

/**
 * One process per core: each has a model of its own, and the kernel hands out the connections. A worker that dies is
 * replaced; one that dies before it was ever ready ends everything, because the next would, too.
 */
export function conduct(workers: number): void {
  const registry = new AggregatorRegistry();
  const wasReady = new Set<number>();
  let stopping = false;
  cluster.on("message", (worker: Worker, message: Message) => {
    if (!("ask" in message)) return;
    registry.clusterMetrics().then(
      (text) => worker.send({ tell: "metrics", id: message.id, text }),
      () => worker.send({ tell: "metrics", id: message.id, text: "" }),
    );
  });
  cluster.on("listening", (worker) => wasReady.add(worker.id));
  cluster.on("exit", (worker, code) => {
    if (stopping) {
      if (Object.keys(cluster.workers ?? {}).length === 0) process.exit(0);
    } else if (wasReady.has(worker.id) && code !== 3) cluster.fork();
    else {
      stopping = true;
      for (const other of Object.values(cluster.workers ?? {})) other?.kill();
      process.exit(code || 1);
    }
  });
  const stop = (): void => {
    stopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGTERM");
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
  for (let index = 0; index < workers; index++) cluster.fork();
}

/** One worker: serves its share, and asks the primary for everybody's metrics. */
export async function play(settings: Settings): Promise<void> {
  const waiting = new Map<number, (text: string) => void>();
  let count = 0;
  process.on("message", (message: Message) => {
    if (!("tell" in message)) return;
    waiting.get(message.id)?.(message.text);
    waiting.delete(message.id);
  });
  const metrics = async (): Promise<string> =>
    await new Promise<string>((resolve) => {
      const id = count++;
      waiting.set(id, resolve);
      process.send?.({ ask: "metrics", id });
    });
  const running = await start(settings, metrics);
  // prom-client answers the primary's question with the registries it is told of.
  AggregatorRegistry.setRegistries(running.registry);
  const stop = (): void => {
    void running.close().finally(() => process.exit(0));
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
}
