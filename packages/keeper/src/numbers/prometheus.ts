import { Counter, Histogram, Registry } from "prom-client";
import { topOf } from "./histogram.ts";
import type { Access } from "./access.ts";

/** From 1 ms to about two minutes, each some 60 % wider: few enough for any Prometheus. */
const BUCKETS = Array.from({ length: 26 }, (_, index) => Math.round(topOf(index * 5)) / 1000);

/**
 * The same requests as counters and histograms of the Prometheus exposition format, since somebody first asked for them:
 * at tens of thousands a second they cost more than all the rest.
 */
export class Prometheus {
  #asked = false;
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: "dray_requests_total",
    help: "Answers, by service, release and status; release is empty where the edge answered by itself.",
    labelNames: ["service", "release", "status"],
    registers: [this.#registry],
  });
  readonly #callers = new Counter({
    name: "dray_caller_requests_total",
    help: "Answers, by service and caller.",
    labelNames: ["service", "caller"],
    registers: [this.#registry],
  });
  readonly #times = (["request", "queue", "model"] as const).map(
    (what) =>
      new Histogram({
        name: `dray_${what}_duration_seconds`,
        help: { request: "In all.", queue: "Waiting in the edge.", model: "In the release." }[what],
        labelNames: ["service", "release"],
        buckets: BUCKETS,
        registers: [this.#registry],
      }),
  );

  add(access: Access): void {
    if (!this.#asked) return;
    const { service, release, status, caller } = access;
    if (access.left) return;
    this.#requests.inc({ service, release, status: String(status) });
    if (caller !== "-") this.#callers.inc({ service, caller });
    for (const [index, ms] of [access.totalMs, access.queueMs, access.modelMs].entries())
      if (ms >= 0) this.#times[index]?.observe({ service, release }, ms / 1000);
  }

  async text(): Promise<string> {
    this.#asked = true;
    return await this.#registry.metrics();
  }
}
