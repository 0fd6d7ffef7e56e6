import { expect, test } from "vitest";
import type { Described, Evidence } from "./evidence.ts";
import { answered, HEALTHY } from "./faults/healthy.ts";
import type { Hop, Trace } from "./trace.ts";
import { walk } from "./walk.ts";

/** A deployed service without a golden request, after a GET of a path. */
function looked(status: number, path = "/", described?: Described): Evidence {
  const target: Evidence["target"] = { ...HEALTHY.target, asks: "look", method: "GET", path, bodyBytes: 0 };
  return { ...answered(HEALTHY, status), target, ...(described === undefined ? {} : { described }) };
}

const tried = (status: number): Described => ({
  tried: {
    method: "POST",
    path: "/predict",
    from: "example",
    exchange: { outcome: "answered", ms: 8, status, headers: {}, body: "{}" },
  },
});

const predict = (trace: Trace): Hop => trace.hops.find(({ hop }) => hop === "predict") as Hop;
const walked = (found: Evidence): Trace => walk(found, 1);

test.each([
  ["404 at the root: many APIs have nothing there", 404, "/"],
  ["200 at the root: a greeting is no prediction", 200, "/"],
  ["200 at a health route: it is no prediction either", 200, "/health"],
  ["405: the route wants another method", 405, "/predict"],
])("%s, so the API is reached and the prediction unknown", (_name, status, path) => {
  const trace = walked(looked(status, path));
  expect(trace.reached).toBe(true);
  expect(predict(trace)).toMatchObject({ verdict: "unknown", missing: expect.stringContaining("golden request") });
  expect(trace.hops.filter(({ verdict }) => verdict === "broken")).toEqual([]);
});

test("a path that somebody named and that is not there is broken; so is a 404 that the edge itself says", () => {
  expect(predict(walked(looked(404, "/decisons")))).toMatchObject({ verdict: "broken", fault: "wrong-route" });
  const found = looked(404);
  const byEdge = { ...found, answer: { outcome: "answered" as const, ms: 1, status: 404, headers: {}, body: "" } };
  expect(walked(byEdge).reached).toBe(false);
});

test("the API's own example decides where there is no golden request", () => {
  expect(predict(walked(looked(404, "/", tried(200))))).toMatchObject({ verdict: "ok", to: "POST /predict" });
  expect(predict(walked(looked(200, "/", tried(422))))).toMatchObject({ verdict: "unknown" });
  const closed = predict(walked(looked(200, "/", tried(401))));
  expect(closed).toMatchObject({ verdict: "unknown", missing: expect.stringContaining("a key") });
  const lies = walked(looked(200, "/", tried(503)));
  expect(predict(lies)).toMatchObject({ verdict: "broken", fault: "prediction-fails" });
  expect(predict(lies).why).toContain("the API is up and its prediction fails: POST /predict answers 503");
});

test("what a body says is one line, and no terminal obeys it", () => {
  const { tried: one } = tried(503);
  if (one === undefined) throw new Error("nothing was tried");
  const body = "\u001b[2J\u0007no\r\nmodel\u009b1m";
  const told = walked(looked(200, "/", { tried: { ...one, exchange: { ...one.exchange, body } } }));
  expect(predict(told).why).toMatch(/own example:\s+\[2J no model 1m$/);
});

test("an answer that is none of a model is never a good prediction", () => {
  const edge503 = { ...HEALTHY, answer: { outcome: "answered" as const, ms: 1, status: 503, headers: {}, body: "" } };
  expect(predict(walked(edge503)).verdict).toBe("unknown");
});

test("a refused name is told from a refused request", () => {
  const django = { ...looked(400), asLocalhost: { outcome: "answered" as const, ms: 1, status: 200 } };
  expect(predict(walked(django))).toMatchObject({ verdict: "broken", fault: "host-refused" });
  expect(predict(walked(django)).fix).toContain("ALLOWED_HOSTS");
  // Sent on purpose, and refused for what it says.
  expect(predict(walked(answered(HEALTHY, 400))).fault).toBe("schema-error");
  expect(predict(walked(looked(400))).verdict).toBe("unknown");
});

test("what could not be asked is unknown, with what is missing, and never fine", () => {
  const { machine: _machine, binds: _binds, ...silent } = HEALTHY;
  const hop = (found: Evidence, name: Hop["hop"]): Hop | undefined =>
    walked(found).hops.find((each) => each.hop === name);
  // The login runs something else than our script.
  expect(hop(silent, "bind")).toMatchObject({ verdict: "unknown", missing: expect.stringContaining("shell") });
  const { binds: _unread, ...unread } = HEALTHY;
  expect(hop(unread, "bind")).toMatchObject({ verdict: "unknown", missing: expect.stringContaining("/proc/4711/net") });
  const route = { control: { outcome: "timeout" as const, ms: 9 }, controlPort: { outcome: "open" as const, ms: 9 } };
  expect(hop({ ...HEALTHY, route: { ...route, controlHost: "1.1.1.1" } }, "route")?.verdict).toBe("unknown");
});
