import { expect, test } from "vitest";
import { HOPS } from "../trace.ts";
import type { Evidence } from "../evidence.ts";
import { answered, byHand, HEALTHY, noReplica, withApp } from "./healthy.ts";
import { diagnose, FAULTS } from "./table.ts";

test.each(FAULTS.map((fault) => [fault.id, fault] as const))(
  "%s is named by its own evidence, and by no other row",
  (id, fault) => {
    const found = fault.example(HEALTHY);
    expect(diagnose(found)?.id).toBe(id);
    for (const text of [fault.why(found), fault.fix(found)]) {
      expect(text).not.toMatch(/undefined|\[object|NaN/);
      expect(text.length).toBeGreaterThan(10);
    }
    expect(HOPS).toContain(fault.hop);
  },
);

const ends = (log: string[], exitCode = 1): string | undefined =>
  diagnose(noReplica(HEALTHY, { status: "exited", exitCode, log }))?.id;
const refuses = (status: number, body: string): string | undefined => diagnose(answered(HEALTHY, status, body))?.id;

test("what language servers write before they end is known by their own words", () => {
  expect(ends(["ImportError: libcuda.so.1: cannot open shared object file"])).toBe("gpu-missing");
  expect(ends(["RuntimeError: Failed to infer device type, please set the environment variable"])).toBe("gpu-missing");
  expect(ends(["ggml_cuda: cudaMalloc failed: out of memory", "srv  llama_server: exiting"])).toBe("gpu-memory");
  expect(ends(["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"])).toBe("gpu-memory");
  expect(ends(["OSError: acme/llm does not appear to have a file named config.json."])).toBe("weights-missing");
  // llama-server of Debian forky, as it ended.
  expect(ends(["E gguf_init_from_file: failed to open GGUF file '/nope.gguf' (No such file or directory)"])).toBe(
    "weights-missing",
  );
  // An old line of a server that was stopped is not why it stopped.
  expect(ends(["torch.OutOfMemoryError: CUDA out of memory."], 143)).toBe("stopped");
});

test("what language servers refuse is told from a wrong request and a wrong route", () => {
  expect(refuses(400, "This model's maximum context length is 4096 tokens. However, you requested 9000")).toBe(
    "context-too-long",
  );
  expect(refuses(404, '{"error":"model \\"qwen3\\" not found, try pulling it first"}')).toBe("model-unknown");
  expect([refuses(400, "income is missing"), refuses(404, "no such page")]).toEqual(["schema-error", "wrong-route"]);
});

test("a server that loads says how far it is, where its log does", () => {
  const loading = (log: string[]): Evidence => {
    const found = FAULTS.find(({ id }) => id === "still-loading")?.example(HEALTHY) ?? HEALTHY;
    return withApp(found, { log });
  };
  const why = (log: string[]): string | undefined => diagnose(loading(log))?.why(loading(log));
  expect(why(["Loading safetensors checkpoint shards:  25% Completed | 1/4", "still there"])).toContain("says 25 %");
  expect(why(["loading"])).not.toContain("%");
});

test("nothing is wrong on a healthy way, made by dray or by hand", () => {
  expect(diagnose(HEALTHY)).toBeUndefined();
  expect(diagnose(byHand(HEALTHY))).toBeUndefined();
});

test("no two faults have one name", () => {
  expect(new Set(FAULTS.map((fault) => fault.id)).size).toBe(FAULTS.length);
  expect(FAULTS.length).toBeGreaterThanOrEqual(42);
});
