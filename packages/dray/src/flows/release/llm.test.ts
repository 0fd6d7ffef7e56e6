import { expect, test } from "vitest";
import { stringify } from "yaml";
import { parseManifest } from "../../yaml/load.ts";
import { LLM_SERVERS, llmManifest } from "./llm.ts";

const HF = `hf://Qwen/Qwen3-0.6B@${"a".repeat(40)}`;

test.each([
  ["llama.cpp", `${HF}/qwen.gguf`, "/health"],
  ["vllm", HF, "/health"],
  ["sglang", HF, "/health"],
  ["ollama", "qwen3:0.6b", "/v1/models/qwen3:0.6b"],
] as const)("%s: the manifest is one", (server, from, ready) => {
  const text = stringify({ service: "llm", machine: "ops@203.0.113.7", keys: "off", ...llmManifest(server, { from }) });
  const manifest = parseManifest(text, "dray.yaml");
  expect(manifest.ready).toBe(ready);
  // A completion may take longer than any other answer.
  expect(manifest.limits.timeout).toBe(600_000);
  expect(manifest.port).toBeGreaterThan(1024);
});

test("callers know a model by its own name", () => {
  expect(llmManifest("vllm", { from: HF })["args"]).toContain("Qwen3-0.6B");
  expect(llmManifest("sglang", { from: "./qwen/" })["args"]).toContain("qwen");
  expect(llmManifest("llama.cpp", { from: "./models/tiny.gguf" })["args"]).toContain("tiny");
});

test("memory is as much as the file and its tokens need", () => {
  expect(llmManifest("llama.cpp", { from: "a.gguf", bytes: 4 * 1024 ** 3 })["limits"]).toMatchObject({
    memory: "5632MiB",
  });
});

test.each([
  ["llama.cpp", HF, "one .gguf file"],
  ["ollama", "./model.gguf", "a name of its library"],
  // It becomes a line of a shell.
  ["ollama", "a; reboot", "a name of its library"],
] as const)("%s does not take %s", (server, from, why) => {
  expect(() => llmManifest(server, { from })).toThrow(why);
});

test.each(LLM_SERVERS)("%s without a model: an example is named", (server) => {
  expect(() => llmManifest(server, undefined)).toThrow(`which model is ${server} to serve?`);
});
