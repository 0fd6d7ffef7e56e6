import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { BatchMeter } from "../batcher.ts";

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Every number the server keeps; Prometheus names and base units (seconds). */
export interface Meters {
  registry: Registry;
  batches: BatchMeter;
  /** An answer went out. */
  answered(route: string, code: number, seconds: number): void;
  /** What is served now. */
  serving(model: { digest: string; producer: string }, inFlight: () => { waiting: number; running: number }): void;
}

/** Queue time and model time are kept apart: only one of them is cured by a faster model. */
export function makeMeters(service: string, release: string): Meters {
  const registry = new Registry();
  registry.setDefaultLabels({ service, release });
  const registers = [registry];
  return { registry, batches: batchMeter(registers), answered: answers(registers), serving: served(registers) };
}

type Registers = Registry[];

function answers(registers: Registers): Meters["answered"] {
  const requests = new Counter({
    name: "dray_requests_total",
    help: "Answers, by route and status code.",
    labelNames: ["route", "code"],
    registers,
  });
  const duration = new Histogram({
    name: "dray_request_seconds",
    help: "From the request's head to its answer.",
    labelNames: ["route"],
    buckets: SECONDS,
    registers,
  });
  // Looking labels up costs more than counting.
  const children = new Map<string, { count: Counter.Internal; time: Histogram.Internal<"route"> }>();
  return (route, code, seconds) => {
    const key = `${code} ${route}`;
    let known = children.get(key);
    if (known === undefined) {
      known = { count: requests.labels({ route, code }), time: duration.labels({ route }) };
      children.set(key, known);
    }
    known.count.inc();
    known.time.observe(seconds);
  };
}

function batchMeter(registers: Registers): BatchMeter {
  const times = { buckets: SECONDS, registers };
  const queue = new Histogram({ name: "dray_queue_seconds", help: "A request's wait for the model.", ...times });
  const model = new Histogram({ name: "dray_model_seconds", help: "One run of the model.", ...times });
  const rows = new Histogram({ name: "dray_batch_rows", help: "Rows of one run.", buckets: ROWS, registers });
  return {
    ran: (count, seconds) => {
      model.observe(seconds);
      rows.observe(count);
    },
    waited: (seconds) => queue.observe(seconds),
  };
}

function served(registers: Registers): Meters["serving"] {
  const info = new Gauge({
    name: "dray_model_info",
    help: "What is served.",
    labelNames: ["digest", "producer"],
    // 1, however many workers there are: numbers are multiplied by it.
    aggregator: "max",
    registers,
  });
  const workers = new Gauge({ name: "dray_workers", help: "Processes that have loaded the model.", registers });
  let inFlight = (): { waiting: number; running: number } => ({ waiting: 0, running: 0 });
  const waiting: Gauge = new Gauge({
    name: "dray_rows_waiting",
    help: "Rows in the queue.",
    registers,
    collect: () => waiting.set(inFlight().waiting),
  });
  const running: Gauge = new Gauge({
    name: "dray_rows_running",
    help: "Rows in the run that is in flight.",
    registers,
    collect: () => running.set(inFlight().running),
  });
  return (what, now) => {
    info.reset();
    workers.set(1);
    info.set({ digest: what.digest, producer: what.producer }, 1);
    inFlight = now;
  };
}
