import type { Json } from "./json.ts";
import { isNode, type Node } from "./json-reference.ts";

/** Where a server that speaks the OpenAI routes says which models it has. */
export const MODELS = "/v1/models";
const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";
const EMBEDDINGS = "/v1/embeddings";

/** A question that every language model answers in no time: few tokens, and always the likeliest. */
const QUESTION = "Say hello.";
const SHORT = { max_tokens: 16, temperature: 0 };

/** A request that an OpenAI server takes, by the models that it lists. */
export interface ShortRequest {
  method: "POST";
  path: string;
  body: Json;
  /** `models`: the server's own list of models says what to ask. */
  from: "models";
}

/** Does an API's OpenAPI name one of the OpenAI routes? Then its list of models says more than its schemas. */
export function speaksOpenAi(document: Json): boolean {
  const paths = pathsOf(document);
  return paths !== undefined && [CHAT, COMPLETIONS, EMBEDDINGS].some((path) => path in paths);
}

/**
 * The request to try of an OpenAI server: a short completion, or an embedding where it makes nothing else. `document` is its
 * OpenAPI, where it has one. Undefined: that is no list of models.
 */
export function completionOf(models: Json, document?: Json): ShortRequest | undefined {
  const [first] = modelsOf(models);
  if (first === undefined) return undefined;
  const path = routeOf(models, pathsOf(document));
  const body = { model: first, ...asked(path) };
  return { method: "POST", path, body, from: "models" };
}

/** The names of the models in an answer of `/v1/models`; none: it is another answer. */
export function modelsOf(models: Json): string[] {
  const listed = isNode(models) ? models["data"] : undefined;
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((each) => (isNode(each) && typeof each["id"] === "string" ? [each["id"]] : []));
}

function pathsOf(document: Json | undefined): Node | undefined {
  const paths = isNode(document) ? document["paths"] : undefined;
  return isNode(paths) ? paths : undefined;
}

function routeOf(models: Json, paths: Node | undefined): string {
  if (paths !== undefined) return [CHAT, COMPLETIONS, EMBEDDINGS].find((path) => path in paths) ?? CHAT;
  // llama.cpp has no OpenAPI, and says in this list what a model can do.
  const [first] = isNode(models) && Array.isArray(models["models"]) ? models["models"] : [];
  const can = isNode(first) ? first["capabilities"] : undefined;
  return Array.isArray(can) && can.includes("embedding") && !can.includes("completion") ? EMBEDDINGS : CHAT;
}

function asked(path: string): { [key: string]: Json } {
  if (path === EMBEDDINGS) return { input: QUESTION };
  return path === CHAT ? { messages: [{ role: "user", content: QUESTION }], ...SHORT } : { prompt: QUESTION, ...SHORT };
}
