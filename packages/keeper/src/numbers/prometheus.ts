import { Counter, Histogram, Registry } from "prom-client";
import { topOf } from "./histogram.ts";
import type { Access } from "drayage-record";

/** From 1 ms to about two minutes, each some 60 % wider: few enough for any Prometheus. */
const BUCKETS = Array.from({ length: 26 }, (_, index) => Math.round(topOf(index * 5)) / 1000);

/**
 * The same requests as counters and histograms of the Prometheus exposition format: of each service by itself, for whoever
 * has the key to one's numbers has none to another's; and since they were first asked for: at tens of thousands of requests
 * a second they cost more than all the rest.
 */
export class Prometheus {
  readonly #services = new Map<string, Counted>();

  add(access: Access): void {
    const counted = this.#services.get(access.service);
    counted?.addTokens(access);
    if (!access.left) counted?.add(access);
  }

  /** The numbers of one service, which the edge names. */
  async text(service: string): Promise<string> {
    const known = this.#services.get(service) ?? new Counted();
    this.#services.set(service, known);
    return await known.text();
  }
}

/** What is counted of one service. */
class Counted {
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
  readonly #tokens = new Counter({
    name: "dray_tokens_total",
    help: "Tokens of a language model, by service, release, caller and kind: asked (read) or answered (written).",
    labelNames: ["service", "release", "caller", "kind"],
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
    const { service, release, status, caller } = access;
    this.#requests.inc({ service, release, status: String(status) });
    if (caller !== "-") this.#callers.inc({ service, caller });
    for (const [index, ms] of [access.totalMs, access.queueMs, access.modelMs].entries())
      if (ms >= 0) this.#times[index]?.observe({ service, release }, ms / 1000);
  }

  addTokens({ service, release, caller, tokens }: Access): void {
    for (const kind of ["asked", "answered"] as const)
      if (tokens !== undefined) this.#tokens.inc({ service, release, caller, kind }, tokens[kind]);
  }

  async text(): Promise<string> {
    return await this.#registry.metrics();
  }
}
