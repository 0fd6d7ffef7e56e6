import type { TraceWanted } from "../../../contract/target.ts";
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import path from "node:path";
import { Failure } from "../../../base/failure.ts";
import type { Evidence } from "../../../core/evidence.ts";
import type { Golden } from "../../../core/golden.ts";
import { payloadHeaders, payloadOf } from "../../../core/payload.ts";
import { loadGolden } from "../../../manifest/golden.ts";
import { readyPath } from "../../../manifest/ready.ts";
import type { Manifest } from "../../../manifest/schema.ts";
import type { Asked } from "../../../probes/http.ts";
import { ownKey } from "../../../manifest/keys.ts";
import { joinPath } from "../../../base/url.ts";
import { endpoint } from "../../../manifest/endpoint.ts";

/** Longest wait for an answer: who looks for a fault wants it named soon. */
const PATIENCE_MS = 4500;

export interface Traced {
  facts: Evidence["target"];
  /** The request that is sent, from here and from inside. */
  asked: Omit<Asked, "url">;
  /** The name that it carries from inside, past the edge. */
  insideHost: string;
  /** What the API itself speaks; `h2c`: HTTP/2 alone. */
  protocol: "http" | "h2c";
}

/** Works out what to ask. `address`: the machine's, as far as this computer knows. @throws Failure usage.invalid */
export async function tracedOf(wanted: TraceWanted, address: string | undefined, signal: AbortSignal): Promise<Traced> {
  const { manifest, place, container } = wanted;
  const golden = manifest === undefined || container !== undefined ? undefined : (await loadGolden(manifest))[0];
  const url = parse(wanted.url ?? plainUrl(manifest, address, golden, wanted.secured !== false));
  // A URL without a path means the service; one with a path means that path.
  const prefix = manifest?.prefix ?? "";
  const pathOf = (own: string): string => new URL(joinPath(url.origin + prefix, own)).pathname;
  if (golden !== undefined && /^\/?$/.test(url.pathname.slice(prefix.length)))
    url.pathname = pathOf(golden.request.path);
  const fits = golden !== undefined && url.pathname === pathOf(golden.request.path);
  const request = fits ? golden.request : undefined;
  const body = wanted.body ?? (request && payloadOf(request));
  const method = request?.method ?? (body === undefined ? "GET" : "POST");
  // A machine that is asked by its address knows the service by its name.
  const called = (wanted.url === undefined ? (manifest?.domain ?? manifest?.host) : undefined) ?? url.host;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const dockerfile = manifest === undefined ? undefined : await dockerfileOf(manifest);
  const { limits } = manifest ?? {};
  return {
    facts: {
      url: url.href,
      https: url.protocol === "https:",
      host,
      calledBy: called,
      port: Number(url.port || (url.protocol === "https:" ? 443 : 80)),
      literal: isIP(host) !== 0,
      method,
      path: url.pathname,
      ...(manifest?.prefix === undefined ? {} : { prefix: manifest.prefix }),
      readyPath: (manifest && readyPath(manifest)) ?? "/",
      readyMs: limits?.ready ?? 60_000,
      timeoutMs: limits?.timeout ?? 60_000,
      asks: fits && wanted.body === undefined ? "golden" : body === undefined && method === "GET" ? "look" : "given",
      bodyBytes: body?.bytes.byteLength ?? 0,
      ...(place === undefined ? {} : { machine: place.name }),
      ...(address === undefined ? {} : { machineAddress: address }),
      ...(manifest === undefined || container !== undefined ? {} : { service: manifest.service }),
      ...(container === undefined ? {} : { container }),
      ...(manifest?.image === undefined ? {} : { image: manifest.image }),
      ...(dockerfile === undefined ? {} : { dockerfile }),
    },
    protocol: container === undefined ? (manifest?.protocol ?? "http") : "http",
    insideHost: (wanted.url === undefined ? manifest?.host : undefined) ?? called,
    asked: {
      method,
      headers: {
        ...payloadHeaders(body),
        host: called,
        ...(manifest === undefined || container !== undefined ? {} : await ownKey(manifest, signal)),
        ...request?.headers,
        ...wanted.headers,
      },
      ...(body === undefined ? {} : { body: body.bytes }),
      timeoutMs: Math.min(PATIENCE_MS, limits?.timeout ?? PATIENCE_MS) + 500,
      ...(fits && wanted.body === undefined ? { golden } : {}),
    },
  };
}

function plainUrl(
  manifest: Manifest | undefined,
  address: string | undefined,
  golden: Golden | undefined,
  secured: boolean,
): string {
  const host = manifest?.domain ?? address;
  if (manifest !== undefined && host !== undefined)
    return joinPath(endpoint(manifest, host, secured), golden?.request.path ?? "/");
  if (host === undefined) {
    throw new Failure("usage.invalid", "there is nothing to trace", {
      hint: "dray trace --url http://203.0.113.7/decisions, and --machine user@203.0.113.7 --container my-api to look inside",
    });
  }
  return new URL("/", `http://${isIP(host) === 6 ? `[${host}]` : host}:80`).href;
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new Failure("usage.invalid", `${text} is no URL of an endpoint`, {
    hint: "like http://203.0.113.7:80/decisions",
  });
}

/** The line of the Dockerfile that says how the API is started: where an address to listen on would be mended. */
async function dockerfileOf(manifest: Manifest): Promise<Evidence["target"]["dockerfile"]> {
  const build = typeof manifest.build === "object" ? manifest.build : { context: manifest.build ?? "." };
  const file = path.join(build.context, build.dockerfile ?? "Dockerfile");
  const source = await readFile(path.resolve(manifest.folder, file), "utf8").catch(() => "");
  const lines = source.split("\n");
  const at = lines.findLastIndex((line) => /^\s*(CMD|ENTRYPOINT)\b/.test(line));
  return at < 0 ? undefined : { file, line: at + 1, text: (lines[at] ?? "").trim() };
}
