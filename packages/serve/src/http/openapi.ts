import type { Service } from "../service.ts";
import { decisionSchema } from "../schema/decisions.ts";
import { rowSchema } from "../schema/features.ts";
import { inferPath } from "./v2/openapi.ts";

/** What the server is told about itself. */
export interface Identity {
  service: string;
  release: string;
  /** Of decisions: `/decisions`. */
  route: string;
}

type Json = Record<string, unknown>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: Json, example?: unknown): Json => ({
  content: { "application/json": { schema, ...(example === undefined ? {} : { example }) } },
});
const answer = (description: string, schema: Json): Json => ({ description, ...content(schema) });

/** The API as OpenAPI 3.1: schemas, ranges and examples are the model's own. */
export function openApi(service: Service, identity: Identity): Json {
  return {
    openapi: "3.1.0",
    info: {
      title: service.schema.title ?? identity.service,
      version: identity.release,
      description: service.schema.greeting ?? service.model.prepared.description,
    },
    paths: {
      [identity.route]: { post: decide(service) },
      "/v2/models/{model}/infer": inferPath(service, identity.service),
      "/health/live": { get: { summary: "Does the process answer?", responses: { "200": { description: "Yes." } } } },
      "/health/ready": {
        get: {
          summary: "Is the model loaded and warm?",
          responses: { "200": { description: "Yes." }, "503": { description: "Not yet." } },
        },
      },
    },
    components: {
      schemas: {
        Row: { ...rowSchema(service.features), examples: [service.example] },
        Decision: decisionSchema(service.meaning),
        Refusal: REFUSAL,
      },
    },
  };
}

function decide(service: Service): Json {
  const rows = { oneOf: [ref("Row"), { type: "array", items: ref("Row"), minItems: 1 }] };
  const decisions = { oneOf: [ref("Decision"), { type: "array", items: ref("Decision") }] };
  return {
    operationId: "decide",
    summary: "One object, or a list of objects, with named features in; decisions out.",
    description:
      "Rows may also come as text/csv, and a single tensor as application/octet-stream, application/x-npy, image/png or image/jpeg; a body may be packed with gzip or deflate. With `accept: text/csv` the answer is CSV.",
    requestBody: { required: true, ...content(rows, service.example) },
    responses: {
      "200": answer("The decision, or a list of them in the order of the request.", decisions),
      ...REFUSALS,
    },
  };
}

const refusal = (description: string): Json => answer(description, ref("Refusal"));

const REFUSALS = {
  "400": refusal("The body is not JSON."),
  "413": refusal("The body, or the list in it, is too large."),
  "415": refusal("The content type is none that is taken, or none that this model can take."),
  "422": refusal("A field is not what it must be; each is named."),
  "429": refusal("Too many requests wait already; see Retry-After."),
  "503": refusal("The model is not ready."),
  "504": refusal("The request waited too long."),
};

const ISSUE = {
  type: "object",
  properties: {
    path: { type: "string", description: "JSON Pointer into the body." },
    expected: { type: "string" },
    got: { type: "string" },
  },
};

const REFUSAL = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message"],
      properties: { message: { type: "string" }, issues: { type: "array", items: ISSUE } },
    },
    requestId: { type: "string" },
  },
};
