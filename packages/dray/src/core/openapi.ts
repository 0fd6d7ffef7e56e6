import type { Json } from "./json.ts";
import { isNode, type Node, resolve } from "./json-reference.ts";
import { completionOf, MODELS, type ShortRequest, speaksOpenAi } from "./openai.ts";
import { made } from "./openapi-made.ts";

/** A prediction that an API's OpenAPI describes, and a body for it. */
export interface Prediction extends Omit<ShortRequest, "from"> {
  /** `example`: the API's own words; `schema`: values were made up that fit its schema; `models`: see `ShortRequest`. */
  from: "example" | "schema" | ShortRequest["from"];
}

/** Whose words a prediction is, for people. */
export const WHOSE: Record<Prediction["from"], string> = {
  example: "the API's own example",
  schema: "a request made from the API's own schema",
  models: `a short request to the model that ${MODELS} lists`,
};

/** The same, with where it is sent. */
export function whose({ method, path, from }: Pick<Prediction, "path" | "from"> & { method: string }): string {
  return `${WHOSE[from]}${from === "models" ? ":" : " of"} ${method} ${path}`;
}

/** Where FastAPI and many others describe themselves; so does the model server. */
const DOCUMENT = "/openapi.json";

/** A route that predicts is called so; what else POST does (create, train, delete, log in) is nothing to try. */
const PREDICTS =
  /^(predict|predictions?|infer|inference|invocations?|invoke|decisions?|decide|scores?|scoring|classify|classification|regress|regression|detect|detections?|embed|embeddings?|estimate|forecasts?|recommend|recommendations|rank|rerank|generate|completions?|summari[sz]e|translate|transcribe|segment|similarity)$/;
const DOES =
  /^(delete|remove|train|retrain|fit|upload|create|update|reload|load|unload|reset|feedback|admin|users?|login|token|auth|jobs?|batch(es)?|webhooks?|async)$/;

/** A path without parameters, in RFC 3986's characters: it is sent, and printed. */
const PLAIN = /^\/[\w.~!$&'()*+,;=:@%/-]*$/;

/** The words of `/v1/predictLoan`, `run_inference`. */
const words = (text: string): string[] =>
  text
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);

type Get = (path: string) => Promise<{ status?: number; body?: string }>;

/**
 * The prediction that an API's own description names, or why there is none to try. `get` asks the service for a path. An
 * OpenAI server is known by its list of models; an API whose OpenAPI has none of its routes is not asked for one.
 */
export async function describedBy(get: Get): Promise<{ prediction: Prediction } | { none: string }> {
  const { status, body = "" } = await get(DOCUMENT);
  const document = status === 200 ? parsed(body) : undefined;
  if (document === undefined || speaksOpenAi(document)) {
    const prediction = completionOf((await modelsBy(get)) ?? null, document);
    if (prediction !== undefined) return { prediction };
  }
  if (status !== 200) return { none: `GET ${DOCUMENT} ${status === undefined ? "is not answered" : `says ${status}`}` };
  if (document === undefined) return { none: `${DOCUMENT} is no JSON` };
  const prediction = predictionOf(document);
  return prediction === undefined ? { none: `${DOCUMENT} names no prediction that can be tried` } : { prediction };
}

async function modelsBy(get: Get): Promise<Json | undefined> {
  const { status, body = "" } = await get(MODELS);
  return status === 200 ? parsed(body) : undefined;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/**
 * The one prediction to try of an API without a golden request: a POST of JSON whose path is called a prediction, with no
 * parameter of its own. One with an example comes before one whose body would have to be made up. Undefined: none.
 */
export function predictionOf(document: Json): Prediction | undefined {
  if (!isNode(document) || !isNode(document["paths"])) return undefined;
  const found = Object.entries(document["paths"]).flatMap(([path, item]) => ofPath(document, path, item) ?? []);
  return found.find(({ from }) => from === "example") ?? found[0];
}

function ofPath(document: Node, path: string, item: Json): Prediction | undefined {
  const post = isNode(item) ? item["post"] : undefined;
  if (!isNode(item) || !isNode(post) || !PLAIN.test(path)) return undefined;
  const called = words(path);
  if (!called.some((word) => PREDICTS.test(word)) || called.some((word) => DOES.test(word))) return undefined;
  if (post["deprecated"] === true || wantsMore(document, item) || wantsMore(document, post)) return undefined;
  const media = jsonBody(document, post);
  if (media === undefined) return undefined;
  const said = exampleOf(document, media);
  if (said !== undefined) return { method: "POST", path, body: said, from: "example" };
  const result = made(document, media["schema"]);
  if (result === undefined) return undefined;
  return { method: "POST", path, body: result.value, from: result.invented ? "schema" : "example" };
}

/** Is there a parameter that must be given? */
function wantsMore(document: Node, at: Node): boolean {
  const parameters = at["parameters"];
  if (!Array.isArray(parameters)) return false;
  return parameters.map((each) => resolve(document, each)).some((each) => each?.["required"] === true);
}

function jsonBody(document: Node, post: Node): Node | undefined {
  const content = resolve(document, post["requestBody"])?.["content"];
  if (!isNode(content)) return undefined;
  const media = content["application/json"];
  return isNode(media) ? media : undefined;
}

/** An example of the whole body: of the media type, or of its schema. */
function exampleOf(document: Node, media: Node): Json | undefined {
  if (media["example"] !== undefined) return media["example"];
  if (isNode(media["examples"])) {
    const [first] = Object.values(media["examples"]);
    const value = resolve(document, first)?.["value"];
    if (value !== undefined) return value;
  }
  const schema = resolve(document, media["schema"]);
  if (schema === undefined) return undefined;
  if (schema["example"] !== undefined) return schema["example"];
  return Array.isArray(schema["examples"]) ? schema["examples"][0] : undefined;
}
