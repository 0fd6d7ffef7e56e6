import { expect, test } from "vitest";
import { onlyHttp, protocolProblems } from "./protocol.ts";

const said = { protocol: "h2c", limits: {}, rollout: {} } as const;

test("what goes with HTTP/1.1 alone is refused beside protocol: h2c, at its place", () => {
  const places = (more: object): string[] => protocolProblems({ ...said, ...more }).map(({ at }) => at.join("."));
  expect(places({})).toEqual([]);
  expect(places({ model: "loans.onnx" })).toEqual(["protocol"]);
  expect(places({ limits: { body: 1000 }, rollout: { shadow: { share: 10 } } })).toEqual([
    "limits.body",
    "rollout.shadow",
  ]);
  expect(places({ protocol: "http", limits: { body: 1 } })).toEqual([]);
});

test("a target that leads requests by HTTP/1.1 alone says so", () => {
  expect(onlyHttp({ protocol: "h2c" }, "Vertex AI")).toEqual([expect.stringContaining("not for Vertex AI")]);
  expect(onlyHttp({ protocol: "http" }, "Vertex AI")).toEqual([]);
});
