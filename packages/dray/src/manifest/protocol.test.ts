import { expect, test } from "vitest";
import { protocolProblems } from "./protocol.ts";

const said = { protocol: "h2c", target: "machines", limits: {}, rollout: {} } as const;

test("what goes with HTTP/1.1 alone is refused beside protocol: h2c, at its place", () => {
  const places = (more: object): string[] => protocolProblems({ ...said, ...more }).map(({ at }) => at.join("."));
  expect(places({})).toEqual([]);
  expect(places({ target: "vertex" })).toEqual(["protocol"]);
  expect(places({ model: "loans.onnx" })).toEqual(["protocol"]);
  expect(places({ limits: { body: 1000 }, rollout: { shadow: { share: 10 } } })).toEqual([
    "limits.body",
    "rollout.shadow",
  ]);
  expect(places({ protocol: "http", target: "vertex", limits: { body: 1 } })).toEqual([]);
});
