import { readFile } from "node:fs/promises";
import path from "node:path";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { LLM_IMAGE, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const KEY = "a-key-of-a-good-length-for-the-model";
/** A model of chance may end whenever it likes; these requests are to be written to their last token. */
const ENDLESS = { logit_bias: { "2": -100 } };

let vm: Vm;
let client: OpenAI;

/** The manifest that `dray init --llm` wrote, for a server of which a test knows how it can be made to wait. */
async function writeManifest(release: string): Promise<void> {
  const { args, limits, ...written } = parse(await readFile(path.join(vm.folder, "init.yaml"), "utf8")) as {
    args: string[];
    limits: object;
  };
  const manifest = {
    ...written,
    image: LLM_IMAGE,
    command: ["python3", "-u", "/llm-pace.py", "/app/llama-server"],
    // Of two the last one counts. A slot has room for 8192 tokens, which take some seconds.
    args: [...args, ..."--port 8081 --slots -t 1 -np 2".split(" ")],
    env: { RELEASE: release },
    keys: { app: { env: "APP_KEY" } },
    limits: { ...limits, cpus: 0.5 },
  };
  await vm.write("dray.yaml", JSON.stringify(manifest));
}

const dray = (...argv: string[]): ReturnType<Vm["dray"]> => vm.drayWith({ APP_KEY: KEY }, ...argv);

beforeAll(async () => {
  vm = await startVm();
  client = new OpenAI({ baseURL: `http://${vm.address}/v1`, apiKey: KEY, maxRetries: 0 });
});

afterAll(async () => await vm[Symbol.asyncDispose]());

test("dray init --llm writes what runs: an OpenAI server, asked a short completion of the model that it lists", async () => {
  const made = await must(["docker", "create", LLM_IMAGE]);
  await must(["docker", "cp", `${made}:/app/tiny.gguf`, vm.folder]);
  await must(["docker", "rm", made]);
  const llm = ["--llm", "llama.cpp", "--model", "tiny.gguf", "--file", "init.yaml"];
  const init = await dray("init", ...llm, "--machine", vm.host, "--service", "llm");
  expect(init.code, init.stderr).toBe(0);
  await writeManifest("one");
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
    ...ENDLESS,
  });
  expect(choices[0]?.finish_reason).toBe("length");
  expect(usage?.completion_tokens).toBe(7);
  const stranger = client.withOptions({ apiKey: "another" });
  await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
});

test("tokens are counted by key as the server counts them, in an answer and in a stream", async () => {
  const before = await tokensOf("app");
  const asked = { model: "tiny", prompt: "Hello", max_tokens: 9, ...ENDLESS };
  const { usage } = await client.completions.create(asked);
  const stream = await client.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } });
  let streamed: OpenAI.CompletionUsage | undefined;
  for await (const event of stream) streamed = event.usage ?? streamed;
  await expect
    .poll(() => tokensOf("app"), { interval: 1000 })
    .toEqual({
      asked: before.asked + (usage?.prompt_tokens ?? 0) + (streamed?.prompt_tokens ?? 0),
      answered: before.answered + 18,
    });
  expect([usage?.completion_tokens, streamed?.completion_tokens]).toEqual([9, 9]);
});

test("a stream that is silent during a switch goes on after it to its end, token for token", async () => {
  const asked = { model: "tiny", prompt: "Hello", max_tokens: 50, ...ENDLESS };
  const stream = await client.completions.create(
    { ...asked, stream: true, stream_options: { include_usage: true } },
    { headers: { "x-hold": "1" } },
  );
  const events = stream[Symbol.asyncIterator]();
  expect((await events.next()).done).toBe(false);
  await writeManifest("two");
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
    const body = { model: "tiny", prompt: "Hello", max_tokens: 8000, stream, ...ENDLESS };
    const asked = client.completions.create(body, { signal: leaving.signal });
    asked.catch(() => undefined);
    await expect.poll(busy).toBe(1);
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

/** What `dray metrics` says of a caller's tokens. */
async function tokensOf(name: string): Promise<{ asked: number; answered: number }> {
  const { stdout } = await dray("metrics", "--json");
  const [found] = JSON.parse(stdout) as {
    callers: { caller: string; tokens?: { asked: number; answered: number } }[];
  }[];
  const { asked = 0, answered = 0 } = found?.callers.find(({ caller }) => caller === name)?.tokens ?? {};
  return { asked, answered };
}
