import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { expected } from "../schema/features.ts";
import type { Service } from "../service.ts";
import type { Identity } from "./openapi.ts";

/** The greeting as a program reads it. */
export function greeting(service: Service, identity: Identity): Record<string, unknown> {
  const { model, schema } = service;
  return {
    service: identity.service,
    // By this word the first version of KServe's protocol knows a server.
    status: "alive",
    release: identity.release,
    message: schema.greeting ?? `Send a row to POST ${identity.route}; /docs shows how.`,
    model: { digest: model.digest, producer: model.prepared.producer },
    inputs: service.features.map((feature) => ({ name: feature.name, expected: expected(feature) })),
    outputs: model.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    batching: service.batching,
    ...(service.exampleRefused === undefined
      ? {}
      : { note: `The example was made up, and the model did not take it: ${service.exampleRefused}` }),
    links: {
      docs: "/docs",
      openapi: "/openapi.json",
      decisions: identity.route,
      ready: "/health/ready",
      protocol: "/v2",
    },
    example: { method: "POST", path: identity.route, body: service.example },
  };
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const STYLE =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a}" +
  "code,pre{font:14px/1.5 ui-monospace,monospace;background:#f4f4f5;border-radius:4px}code{padding:.1em .3em}pre{padding:1em;overflow:auto}" +
  "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35em .8em .35em 0;border-bottom:1px solid #e4e4e7}small{color:#71717a}" +
  "@media(prefers-color-scheme:dark){body{background:#18181b;color:#e4e4e7}code,pre{background:#27272a}td,th{border-color:#3f3f46}a{color:#93c5fd}}";

/** What a page of ours may do, and who may frame it: nobody. Only what it needs itself is allowed. */
const policy = (needs: string): Record<string, string> => ({
  "content-security-policy": `default-src 'none'; ${needs}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
});

const digest = createHash("sha256").update(STYLE).digest("base64");
/** Headers of the greeting. */
export const GREETING_HEADERS = policy(`style-src 'sha256-${digest}'`);
const DOCS_HEADERS = policy(
  "script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'",
);

/** As one word of a shell, whatever is in it. */
const word = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The address as the client sees it, also behind a proxy that ends its encryption. */
export function addressOf(request: FastifyRequest): string {
  const secure = request.headers["x-forwarded-proto"] === "https";
  return `${secure ? "https" : "http"}://${request.host}`;
}

/** The greeting as a person reads it. */
export function greetingPage(service: Service, identity: Identity, origin: string): string {
  const rows = service.features
    .map(
      (feature) =>
        `<tr><td><code>${escape(feature.name)}</code></td><td>${escape(expected(feature))}</td><td>${escape(feature.text.description ?? feature.text.title ?? "")}</td></tr>`,
    )
    .join("");
  const url = /^[\w:/.[\]-]+$/.test(origin + identity.route) ? origin + identity.route : word(origin + identity.route);
  const body = word(JSON.stringify(service.example));
  const call = `curl -X POST ${url} \\\n  -H 'content-type: application/json' \\\n  -d ${body}`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(identity.service)}</title><style>${STYLE}</style>
<h1>${escape(service.schema.title ?? identity.service)}</h1><p>${escape(service.schema.greeting ?? "A model behind an API.")}</p>
<p><a href="docs">Try it</a> · <a href="openapi.json">OpenAPI</a> · <a href="v2">v2 protocol</a></p>
<h2>Call it</h2><pre>${escape(call)}</pre><h2>What it takes</h2><table><tr><th>name</th><th>value</th><th></th></tr>${rows}</table>
<p><small>release ${escape(identity.release)} · model ${service.model.digest.slice(7, 19)}</small></p></html>`;
}

const DOCS = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><div id="ui"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></html>`;
const START = `SwaggerUIBundle({ url: "openapi.json", dom_id: "#ui", deepLinking: true, tryItOutEnabled: true, validatorUrl: null });`;

/** Beside the bundle where this runs as one file; else in the package that the page comes from. */
function assets(): string {
  const beside = fileURLToPath(new URL("assets", import.meta.url));
  return existsSync(beside)
    ? beside
    : path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
}

/** The interactive documentation: everything comes from here, nothing from the network. */
export function addDocs(app: FastifyInstance): void {
  const folder = assets();
  const kept = new Map<string, Promise<Buffer>>();
  const file = async (name: string): Promise<Buffer> => {
    const reading = kept.get(name) ?? readFile(path.join(folder, name));
    kept.set(name, reading);
    return await reading;
  };
  app.get("/docs", (_request, reply) => reply.type("text/html; charset=utf-8").headers(DOCS_HEADERS).send(DOCS));
  app.get("/docs/start.js", (_request, reply) => reply.type("text/javascript").send(START));
  for (const [name, type] of [
    ["swagger-ui.css", "text/css"],
    ["swagger-ui-bundle.js", "text/javascript"],
  ] as const) {
    app.get(
      `/docs/${name}`,
      async (_request, reply) =>
        await reply
          .type(type)
          .header("cache-control", "max-age=86400")
          .send(await file(name)),
    );
  }
}
