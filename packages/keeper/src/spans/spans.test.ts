import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { type Access, parseAccess } from "drayage-record";
import { Faults } from "../faults.ts";
import { collectorsOf, Spans } from "./spans.ts";

const IDS = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00f067aa0ba902b7";
const line = (word: string): string =>
  `1.2.3.4:5 [25/Nov/2026:17:34:14.730] http~ s_loans/r1.1 0/2/0/40/43 200 84 - - ---- 3/1/0/0/0 0/0 "POST /decisions HTTP/1.1" ${word} 5f3c8a52 partners`;

let server: Server | undefined;
const said: string[] = [];

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  said.length = 0;
});

async function collector(status: number): Promise<string> {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      said.push(`${request.url} ${body}`);
      return response.writeHead(status).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function accessOf(word: string): Access {
  const access = parseAccess(line(word));
  if (access === undefined) throw new Error("no access");
  return access;
}

test("a request of a sampled trace is told to the service's collector, with queue, model and first byte; no other is", async () => {
  const endpoint = await collector(200);
  const spans = new Spans(new Faults(() => undefined));
  spans.want(new Map([["loans", `${endpoint}/`]]));
  spans.add(accessOf("-/-/-"));
  spans.add(accessOf(`-/-/${IDS}`));
  spans.tick();
  await expect.poll(() => said).toHaveLength(1);
  expect(said[0]).toMatch(/^\/v1\/traces /);
  const [found] = JSON.parse(said[0]?.slice("/v1/traces ".length) ?? "").resourceSpans[0].scopeSpans[0].spans;
  const start = BigInt(Date.UTC(2026, 10, 25, 17, 34, 14, 730)) * 1_000_000n;
  expect(found).toMatchObject({
    name: "POST /decisions",
    parentSpanId: "00f067aa0ba902b7",
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 43_000_000n),
    events: [{ name: "first byte", timeUnixNano: String(start + 42_000_000n) }],
  });
  expect(found.attributes).toContainEqual({ key: "dray.queue_ms", value: { intValue: "2" } });
  expect(found.attributes).toContainEqual({ key: "dray.caller", value: { stringValue: "partners" } });
});

test("a collector that refuses is a fault of the keeper's, told with what it said", async () => {
  const faults = new Faults(() => undefined);
  const spans = new Spans(faults);
  spans.want(new Map([["loans", await collector(503)]]));
  spans.add(accessOf(`-/-/${IDS}`));
  spans.tick();
  await expect.poll(() => faults.recent()[0]).toMatch(/traces of loans: 1 spans did not come to .*: it says 503/);
});

test("the state says where a service's spans go", () => {
  const release = { id: "r1", settings: { otel: { endpoint: "http://a:4318", share: 10 } } };
  const plain = { id: "r1", settings: {} };
  const services = {
    loans: { current: "r1", releases: [{ release }] },
    other: { current: "r1", releases: [{ release: plain }] },
  };
  expect([...collectorsOf(JSON.stringify({ services }))]).toEqual([["loans", "http://a:4318"]]);
});
