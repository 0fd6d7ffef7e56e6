import { type Access, isFailed, postSpans, type Span, SpanQueue } from "drayage-record";
import type { Faults } from "../faults.ts";

/** Where each service's spans go, by its name. */
export type Collectors = ReadonlyMap<string, string>;

/** The releases' settings, as the edge's state has them. */
interface State {
  services: Record<
    string,
    { current: string; releases: { release: { id: string; settings: { otel?: { endpoint: string } } } }[] }
  >;
}

/** Where spans are to go, as the edge's state says. */
export function collectorsOf(text: string): Map<string, string> {
  const { services } = JSON.parse(text) as State;
  return new Map(
    Object.entries(services).flatMap(([service, { current, releases }]): [string, string][] => {
      const otel = releases.find((each) => each.release.id === current)?.release.settings.otel;
      return otel === undefined ? [] : [[service, otel.endpoint]];
    }),
  );
}

/** Tells collectors of the requests that are part of a trace: a span of the edge's for each, by OTLP over HTTP. */
export class Spans {
  readonly #faults: Faults;
  readonly #queues = new Map<string, { endpoint: string; queue: SpanQueue }>();

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  want(collectors: Collectors): void {
    for (const [service, { endpoint }] of this.#queues)
      if (collectors.get(service) !== endpoint) this.#queues.delete(service);
    for (const [service, endpoint] of collectors) {
      if (this.#queues.has(service)) continue;
      const lost = (why: unknown, count: number): void =>
        this.#faults.note(`traces of ${service}: ${count} spans did not come to ${endpoint}`, why);
      this.#queues.set(service, {
        endpoint,
        queue: new SpanQueue(service, (body) => postSpans(endpoint, body), lost),
      });
    }
  }

  add(access: Access): void {
    if (access.trace !== undefined) this.#queues.get(access.service)?.queue.add(spanOf(access, access.trace));
  }

  /** Begins to send what waits; resolves at once. */
  tick(): void {
    for (const { queue } of this.#queues.values()) void queue.flush();
  }
}

function spanOf(access: Access, trace: NonNullable<Access["trace"]>): Span {
  const { status, queueMs, modelMs, totalMs, release, caller, left } = access;
  const { startMs, asked, ...ids } = trace;
  const [method = "", path = ""] = asked.split(" ");
  const headMs = modelMs < 0 ? undefined : Math.max(0, queueMs) + modelMs;
  return {
    ...ids,
    name: asked,
    startMs,
    endMs: startMs + Math.max(0, totalMs),
    attributes: {
      "http.request.method": method,
      "url.path": path,
      "http.response.status_code": status,
      "dray.release": release,
      ...(caller === "-" ? {} : { "dray.caller": caller }),
      ...(queueMs < 0 ? {} : { "dray.queue_ms": queueMs }),
      ...(modelMs < 0 ? {} : { "dray.model_ms": modelMs }),
    },
    events: headMs === undefined ? [] : [{ name: "first byte", atMs: startMs + headMs }],
    failed: isFailed(status) && !left,
  };
}
