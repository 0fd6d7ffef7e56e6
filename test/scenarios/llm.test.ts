import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LLM_IMAGE } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const KEY = "a-key-of-a-good-length-for-the-model";
const SLOTS = 2;

let vm: Vm;
let client: OpenAI;

/** A llama-server behind a program that holds back a stream where its request says so. */
const manifest = (release: string): string =>
  JSON.stringify({
    service: "llm",
    machine: vm.host,
    image: LLM_IMAGE,
    command: ["python3", "-u", "/llm-pace.py", "/app/llama-server"],
    args: "-m /app/tiny.gguf --alias tiny -t 1 -c 16384 --port 8081 --slots -np".split(" ").concat(String(SLOTS)),
    env: { RELEASE: release },
    ready: "/health",
    keys: { app: { env: "APP_KEY" } },
    limits: { timeout: "2m" },
  });

const dray = (...argv: string[]): ReturnType<Vm["dray"]> => vm.drayWith({ APP_KEY: KEY }, ...argv);

beforeAll(async () => {
  vm = await startVm();
  client = new OpenAI({ baseURL: `http://${vm.address}/v1`, apiKey: KEY, maxRetries: 0 });
});

afterAll(async () => await vm[Symbol.asyncDispose]());

test("an OpenAI server is asked a short completion of the model that it lists, and that becomes its golden request", async () => {
  await vm.write("dray.yaml", manifest("one"));
  const deployed = await dray("deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  const asked = await dray("request");
  expect(asked.stderr).toContain("a short request to the model that /v1/models lists: POST /v1/chat/completions");
  expect(asked.stdout).toContain('"object":"chat.completion"');
  const recorded = await dray("golden", "record");
  expect(recorded.stdout).toContain('-> 200 a completion: {"finish":"length"');
});

test("npm's openai client gets a completion with its key, and none with another", async () => {
  const { choices, usage } = await client.chat.completions.create({
    model: "tiny",
    messages: [{ role: "user", content: "Hello" }],
    max_tokens: 7,
  });
  expect(choices[0]?.finish_reason).toBe("length");
  expect(usage?.completion_tokens).toBe(7);
  const stranger = client.withOptions({ apiKey: "another" });
  await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
});

test("a stream that is silent during a switch goes on after it to its end, token for token", async () => {
  const stream = await client.completions.create(
    { model: "tiny", prompt: "Hello", max_tokens: 50, stream: true, stream_options: { include_usage: true } },
    { headers: { "x-hold": "1" } },
  );
  const events = stream[Symbol.asyncIterator]();
  expect((await events.next()).done).toBe(false);
  await vm.write("dray.yaml", manifest("two"));
  // The golden request that was recorded proves the new release.
  const switched = await dray("deploy", "-y");
  expect(switched.code, switched.stderr).toBe(0);
  await vm.inside("sh", "-c", 'for each in $(docker ps -q); do docker exec "$each" touch /tmp/go; done 2>/dev/null; :');
  const rest: OpenAI.Completion[] = [];
  for (let next = await events.next(); next.done !== true; next = await events.next()) rest.push(next.value);
  expect(rest.some(({ choices }) => choices[0]?.finish_reason === "length")).toBe(true);
  expect(rest.at(-1)?.usage?.completion_tokens).toBe(50);
});

/** llama-server looks after its clients once a second, and not while it is asked other things more often than that. */
const SELDOM = { interval: 1500 };

test("a client that leaves frees the server, also where it waits for the whole answer", async () => {
  for (const stream of [true, false]) {
    const leaving = new AbortController();
    const body = { model: "tiny", prompt: "Hello", max_tokens: 8000, stream, logit_bias: { "2": -100 } };
    const asked = client.completions.create(body, { signal: leaving.signal });
    asked.catch(() => undefined);
    await expect.poll(busy, SELDOM).toBe(1);
    leaving.abort();
    await expect.poll(busy, SELDOM).toBe(0);
  }
  // Had they been written to their end, the server would say nothing of this.
  const { stdout } = await dray("logs");
  expect(stdout.match(/cancel task/g)).toHaveLength(2);
});

/** How many requests the server works on. */
async function busy(): Promise<number> {
  const answer = await fetch(`http://${vm.address}/slots`, { headers: { authorization: `Bearer ${KEY}` } });
  const slots = (await answer.json()) as { is_processing: boolean }[];
  return slots.filter(({ is_processing }) => is_processing).length;
}
