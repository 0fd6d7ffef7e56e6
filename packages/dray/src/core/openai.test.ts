import { expect, test } from "vitest";
import type { Json } from "./json.ts";
import { completionOf } from "./openai.ts";
import { describedBy } from "./openapi.ts";

const list = (...ids: string[]): Json => ({ object: "list", data: ids.map((id) => ({ id, object: "model" })) });
const paths = (...all: string[]): Json => ({ paths: Object.fromEntries(all.map((path) => [path, { post: {} }])) });

test("an OpenAI server is asked a short chat completion of its first model", () => {
  expect(completionOf(list("qwen", "other"))).toEqual({
    method: "POST",
    path: "/v1/chat/completions",
    body: { model: "qwen", messages: [{ role: "user", content: "Say hello." }], max_tokens: 16, temperature: 0 },
    from: "models",
  });
});

test("a server without chat is asked what it has: its OpenAPI or its list says so", () => {
  expect(completionOf(list("base"), paths("/v1/completions"))?.path).toBe("/v1/completions");
  expect(completionOf(list("e5"), paths("/v1/embeddings"))?.body).toEqual({ model: "e5", input: "Say hello." });
  const capable = { ...(list("e5") as object), models: [{ capabilities: ["embedding"] }] };
  expect(completionOf(capable)?.path).toBe("/v1/embeddings");
});

test.each<[string, Json]>([
  ["nothing", null],
  ["no models", list()],
  ["another API's list", { data: [1, { name: "x" }] }],
  ["a page", "<html>"],
])("%s is no OpenAI server", (_name, said) => {
  expect(completionOf(said)).toBeUndefined();
});

/** An API by its answers to GET, and what it was asked. */
function api(answers: { [path: string]: Json | string }): { get: Parameters<typeof describedBy>[0]; asked: string[] } {
  const asked: string[] = [];
  const get = (path: string): Promise<{ status: number; body?: string }> => {
    asked.push(path);
    const said = answers[path];
    if (said === undefined) return Promise.resolve({ status: 404 });
    return Promise.resolve({ status: 200, body: typeof said === "string" ? said : JSON.stringify(said) });
  };
  return { get, asked };
}

test("an OpenAI server with an OpenAPI is asked by its models, since no schema knows their names", async () => {
  const schema = { type: "object", required: ["model"], properties: { model: { type: "string" } } };
  const route = { post: { requestBody: { content: { "application/json": { schema } } } } };
  const { get } = api({
    "/openapi.json": { paths: { "/v1/chat/completions": route } },
    "/v1/models": list("qwen"),
  });
  expect(await describedBy(get)).toMatchObject({ prediction: { from: "models", body: { model: "qwen" } } });
});

test("an API that describes other routes is not asked for models", async () => {
  const { get, asked } = api({ "/openapi.json": paths("/users") });
  expect(await describedBy(get)).toEqual({ none: "/openapi.json names no prediction that can be tried" });
  expect(asked).toEqual(["/openapi.json"]);
});

test("a server that answers every path with its chat page is asked nothing", async () => {
  const { get } = api({ "/openapi.json": "<html>", "/v1/models": "<html>" });
  expect(await describedBy(get)).toEqual({ none: "/openapi.json is no JSON" });
});
