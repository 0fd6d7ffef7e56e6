import { expect, test } from "vitest";
import { otlpOf, sampledIn, type Span, SpanQueue } from "./spans.ts";

const span: Span = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  name: "POST /decisions",
  startMs: 1_790_000_000_000.25,
  endMs: 1_790_000_000_043,
  attributes: { "http.response.status_code": 200, "dray.release": "r1" },
  events: [{ name: "first byte", atMs: 1_790_000_000_040 }],
  failed: false,
};

test("a message is OTLP's JSON: ids in hex, times as text in nanoseconds", () => {
  const { resourceSpans } = JSON.parse(otlpOf([span, { ...span, parentId: "00f067aa0ba902b7" }], "loans"));
  expect(resourceSpans[0].resource.attributes).toEqual([{ key: "service.name", value: { stringValue: "loans" } }]);
  const [first, second] = resourceSpans[0].scopeSpans[0].spans;
  expect(first).toMatchObject({
    traceId: span.traceId,
    kind: 2,
    startTimeUnixNano: "1790000000000250000",
    endTimeUnixNano: "1790000000043000000",
    events: [{ name: "first byte", timeUnixNano: "1790000000040000000" }],
    status: { code: 0 },
  });
  expect(first.attributes[0]).toEqual({ key: "http.response.status_code", value: { intValue: "200" } });
  expect([first.parentSpanId, second.parentSpanId]).toEqual([undefined, "00f067aa0ba902b7"]);
});

test("a collector that takes nothing costs spans, and never a wait; what it did not take is told", async () => {
  const lost: number[] = [];
  let take: () => void = () => undefined;
  const slow = new SpanQueue(
    "loans",
    () => new Promise((resolve) => (take = resolve)),
    () => undefined,
  );
  slow.add(span);
  void slow.flush();
  const added = Array.from({ length: 3000 }, () => slow.add(span));
  expect(added.filter(Boolean)).toHaveLength(2000);
  await slow.flush();
  take();
  const refusing = new SpanQueue(
    "loans",
    () => Promise.reject(new Error("503")),
    (_why, count) => void lost.push(count),
  );
  for (let each = 0; each < 700; each++) refusing.add(span);
  await refusing.flush();
  expect(lost).toEqual([500, 200]);
});

test("only a traceparent of a sampled request counts", () => {
  const header = (flags: string): string => `00-${span.traceId}-${span.spanId}-${flags}`;
  expect(sampledIn(header("01"))).toEqual({ traceId: span.traceId, parentId: span.spanId });
  expect([sampledIn(header("00")), sampledIn("what"), sampledIn(undefined)]).toEqual([undefined, undefined, undefined]);
});
