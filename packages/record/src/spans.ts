/** One part of a trace. Times in milliseconds since 1970. */
export interface Span {
  traceId: string;
  spanId: string;
  parentId?: string;
  name: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number>;
  events?: { name: string; atMs: number }[];
  failed: boolean;
}

/** Spans that wait for a collector which takes its time; more are lost, for nobody waits for one. */
const MOST_WAITING = 2000;
/** Spans in one message. */
const MOST_AT_ONCE = 500;
/** Of OTLP's enumerations: a span of a server, and the two statuses. */
const [SERVER, UNSET, ERROR] = [2, 0, 2];

/**
 * Spans on their way to a collector. Adding one never waits: what a collector does not take in time is lost, and told once for
 * each message. `post` sends one message (OTLP's JSON), and throws where it was not taken.
 */
export class SpanQueue {
  readonly #service: string;
  readonly #post: (body: string) => Promise<void>;
  readonly #lost: (why: unknown, count: number) => void;
  #waiting: Span[] = [];
  #sending = false;

  constructor(service: string, post: (body: string) => Promise<void>, lost: (why: unknown, count: number) => void) {
    this.#service = service;
    this.#post = post;
    this.#lost = lost;
  }

  /** False: there was no room. */
  add(span: Span): boolean {
    if (this.#waiting.length >= MOST_WAITING) return false;
    this.#waiting.push(span);
    return true;
  }

  /** Sends what waits, one message at a time; resolves when there is nothing left, or when another call is at it. */
  async flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, MOST_AT_ONCE));
    } finally {
      this.#sending = false;
    }
  }

  async #send(spans: Span[]): Promise<void> {
    try {
      await this.#post(otlpOf(spans, this.#service));
    } catch (error) {
      this.#lost(error, spans.length);
    }
  }
}

/** A message of the OpenTelemetry protocol, in JSON: `ExportTraceServiceRequest`. */
export function otlpOf(spans: readonly Span[], service: string): string {
  const resource = { attributes: attributesOf({ "service.name": service }) };
  return JSON.stringify({
    resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "drayage" }, spans: spans.map(said) }] }],
  });
}

function said({ traceId, spanId, parentId, name, startMs, endMs, attributes, events = [], failed }: Span): object {
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    name,
    kind: SERVER,
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(endMs),
    attributes: attributesOf(attributes),
    events: events.map((event) => ({ name: event.name, timeUnixNano: nanos(event.atMs) })),
    status: { code: failed ? ERROR : UNSET },
  };
}

function attributesOf(all: Record<string, string | number>): object[] {
  return Object.entries(all).map(([key, value]) => ({
    key,
    value: typeof value === "string" ? { stringValue: value } : { intValue: String(Math.round(value)) },
  }));
}

/** Of 64 bits, which a JavaScript number has no room for: as text. */
function nanos(ms: number): string {
  const whole = Math.floor(ms);
  return `${whole}${String(Math.round((ms - whole) * 1e6)).padStart(6, "0")}`;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f][13579bdf]$/;

/** What the W3C's header `traceparent` says of a request that is sampled; undefined of any other. */
export function sampledIn(header: string | undefined): { traceId: string; parentId: string } | undefined {
  const [, traceId, parentId] = TRACEPARENT.exec(header ?? "") ?? [];
  return traceId === undefined || parentId === undefined ? undefined : { traceId, parentId };
}
