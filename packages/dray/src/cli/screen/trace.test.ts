import { expect, test } from "vitest";
import type { Hop, Trace, Verdict } from "../../core/trace.ts";
import { proofText } from "./trace.ts";

const hop = (name: Hop["hop"], verdict: Verdict, more: Partial<Hop> = {}): Hop => ({
  hop: name,
  title: name === "predict" ? "prediction" : name,
  from: "",
  to: name === "tcp" ? "203.0.113.7:80" : "my-vm",
  verdict,
  evidence: "200 from here",
  explain: "",
  ...more,
});

const proof = (predict: Hop): Trace => ({
  v: 1,
  url: "http://203.0.113.7/",
  service: "decisions",
  reached: true,
  hops: [
    hop("name", "skipped"),
    hop("tcp", "ok"),
    hop("packet", "ok"),
    hop("edge", "unknown"),
    hop("bind", "unknown"),
    hop("ready", "unknown"),
    predict,
  ],
  ms: 3,
});

test("the way to a model is drawn whole only where a prediction was answered", () => {
  expect(proofText(proof(hop("predict", "ok")))).toBe("this computer ─── 203.0.113.7:80 ─── my-vm ─── model");
  const unknown = proofText(proof(hop("predict", "unknown", { missing: "a golden request" })));
  expect(unknown.split("\n")).toEqual([
    "this computer ─── 203.0.113.7:80 ─── my-vm ─── decisions ─?─ model",
    "prediction unknown: 200 from here; it cannot be known without a golden request",
  ]);
});

test("the last line says what is broken and its fix, or how a prediction was come by", () => {
  const fails = hop("predict", "broken", {
    fault: "prediction-fails",
    why: "its prediction fails",
    fix: "read the log",
  });
  expect(proofText(proof(fails)).split("\n")).toEqual([
    "this computer ─── 203.0.113.7:80 ─── my-vm ─✗─ model",
    "prediction: its prediction fails",
    "fix: read the log",
  ]);
  const kept = hop("predict", "ok", { note: "dray golden record keeps it" });
  expect(proofText(proof(kept)).split("\n").at(-1)).toBe("200 from here; dray golden record keeps it");
});
