import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test, vi } from "vitest";
import { LOANS, postJson, startTest } from "../testing.ts";
import { tracingOf } from "./spans.ts";

const [TRACE, SPAN] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];

test("a request that is traced by somebody before has a span here, below theirs; others have none", async () => {
  const said: string[] = [];
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      said.push(body);
      return response.end();
    });
  });
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${(collector.address() as AddressInfo).port}`);
  const running = await startTest(LOANS);
  try {
    const url = `${running.address}/decisions`;
    await postJson(url, {});
    await postJson(url, {}, { traceparent: `00-${TRACE}-${SPAN}-00` });
    await postJson(url, {}, { traceparent: `00-${TRACE}-${SPAN}-01` });
  } finally {
    // What waits is sent before it ends.
    await running.close();
    collector.close();
    vi.unstubAllEnvs();
  }
  const spans = said.flatMap((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans as object[]);
  expect(spans).toEqual([
    expect.objectContaining({
      traceId: TRACE,
      parentSpanId: SPAN,
      name: "POST /decisions",
      spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
    }),
  ]);
});

test("without OpenTelemetry's variable, or with one that is no address, nothing is traced", () => {
  expect(tracingOf({}, "loans")).toBeUndefined();
  expect(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector" }, "loans")).toBeUndefined();
  const known = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:4318", OTEL_SERVICE_NAME: "model" };
  expect(tracingOf(known, "loans")).toEqual({ endpoint: "http://a:4318", service: "model" });
});
