import { createHash, timingSafeEqual } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "../base/request.ts";
import { authHeader } from "../oci/login.ts";
import type { ContentStore } from "../oci/content-store.ts";

interface Served {
  /** Asked of everybody (RFC 7617): any program and any user of this computer reaches the port. */
  password?: string;
  /** The one image that may be pushed. */
  expected?: { repository: string; tag: string };
  /** Told for each blob that is asked for: its size; and for each chunk sent. */
  onBlob?: (bytes: number) => void;
  onSent?: (bytes: number) => void;
  /** Told when the manifest expected was pushed. */
  onManifest?: (digest: string, type: string) => void;
}

type Reply = http.ServerResponse;

/**
 * An OCI registry (distribution-spec 1.1) on this computer's loopback, over a content store.
 * Writable: for the engine of this computer to push into. Read-only: for a machine to pull from.
 */
export class RegistryServer implements AsyncDisposable {
  readonly #store: ContentStore;
  readonly #served: Served;
  readonly #writable: boolean;
  readonly #server: http.Server;
  readonly #types = new Map<string, string>();

  constructor(store: ContentStore, writable: boolean, served: Served) {
    this.#store = store;
    this.#writable = writable;
    this.#served = served;
    this.#server = http.createServer((request, reply) => {
      this.#route(request, reply).catch((error: unknown) => {
        if (reply.headersSent) reply.destroy();
        else refuse(reply, 500, "UNKNOWN", String(error));
      });
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Listens on 127.0.0.1, on `port` when it is free, else on any; returns the port. */
  async listen(port: number = 0): Promise<number> {
    const listening = await new Promise<boolean>((resolve, reject) => {
      this.#server.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "EADDRINUSE" ? resolve(false) : reject(error),
      );
      this.#server.listen(port, "127.0.0.1", () => resolve(true));
    });
    return listening ? (this.#server.address() as AddressInfo).port : await this.listen(0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    return Promise.resolve();
  }

  async #route(request: http.IncomingMessage, reply: Reply): Promise<void> {
    const url = new URL(request.url ?? "/", "http://registry");
    const method = request.method ?? "GET";
    const reading = method === "GET" || method === "HEAD";
    reply.setHeader("docker-distribution-api-version", "registry/2.0");
    if (!this.#knows(request)) {
      reply.setHeader("www-authenticate", 'Basic realm="dray"');
      return refuse(reply, 401, "UNAUTHORIZED", "authentication required");
    }
    if (url.pathname === "/v2/") return void reply.end("{}");
    const blob = /^\/v2\/.+\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname)?.[1];
    const manifest = /^\/v2\/.+\/manifests\/([^/]+)$/.exec(url.pathname)?.[1];
    if (reading && blob !== undefined) return await this.#blob(blob, request, reply);
    if (reading && manifest !== undefined) return await this.#manifest(manifest, method, reply);
    if (!this.#writable) return refuse(reply, 405, "UNSUPPORTED", "this registry is read-only");
    if (!this.#expects(url.pathname, manifest))
      return refuse(reply, 404, "NAME_UNKNOWN", "nobody waits for this image");
    if (method === "PUT" && manifest !== undefined) return await this.#putManifest(manifest, request, reply);
    return await this.#upload(method, url, request, reply);
  }

  #knows({ headers }: http.IncomingMessage): boolean {
    const { password } = this.#served;
    if (password === undefined) return true;
    const [shown, right] = [headers.authorization ?? "", basic(password)].map((each) =>
      createHash("sha256").update(each).digest(),
    );
    return shown !== undefined && right !== undefined && timingSafeEqual(shown, right);
  }

  /** Is this part of the image that is waited for? A part of it comes by its digest, the whole by its tag. */
  #expects(pathname: string, manifest: string | undefined): boolean {
    const { expected } = this.#served;
    if (expected === undefined) return true;
    const tagged = manifest === undefined || manifest === expected.tag || manifest.startsWith("sha256:");
    return tagged && pathname.startsWith(`/v2/${expected.repository}/`);
  }

  async #blob(digest: string, request: http.IncomingMessage, reply: Reply): Promise<void> {
    const size = await this.#store.size(digest);
    if (size === undefined) return refuse(reply, 404, "BLOB_UNKNOWN", digest);
    // A pull that was cut asks for the rest (RFC 9110, section 14.2; only one open range is ever asked for).
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (start > 0) reply.setHeader("content-range", `bytes ${start}-${size - 1}/${size}`);
    reply.writeHead(start > 0 ? 206 : 200, {
      "content-type": "application/octet-stream",
      "content-length": size - start,
      "accept-ranges": "bytes",
      "docker-content-digest": digest,
    });
    if (request.method === "HEAD") return void reply.end();
    this.#served.onBlob?.(size - start);
    const bytes = this.#store.read(digest, start);
    bytes.on("data", (chunk: Buffer | string) => this.#served.onSent?.(chunk.length));
    bytes.once("error", () => reply.destroy());
    reply.once("close", () => bytes.destroy());
    bytes.pipe(reply);
  }

  async #manifest(reference: string, method: string, reply: Reply): Promise<void> {
    const size = await this.#store.size(reference);
    if (size === undefined) return refuse(reply, 404, "MANIFEST_UNKNOWN", reference);
    const content = await this.#store.text(reference);
    const type = this.#types.get(reference) ?? mediaType(content);
    reply.writeHead(200, { "content-type": type, "content-length": size, "docker-content-digest": reference });
    reply.end(method === "HEAD" ? undefined : content);
  }

  async #putManifest(reference: string, request: http.IncomingMessage, reply: Reply): Promise<void> {
    const content = Buffer.from(await text(request));
    const digest = await this.#store.put(content);
    if (reference.startsWith("sha256:") && reference !== digest) return refuse(reply, 400, "DIGEST_INVALID", reference);
    const type = request.headers["content-type"] ?? mediaType(content.toString());
    this.#types.set(digest, type);
    if (reference === (this.#served.expected?.tag ?? reference)) this.#served.onManifest?.(digest, type);
    reply.writeHead(201, { "docker-content-digest": digest, location: `${request.url}` }).end();
  }

  async #upload(method: string, url: URL, request: http.IncomingMessage, reply: Reply): Promise<void> {
    const [, name, id] = /^\/v2\/(.+)\/blobs\/uploads\/([\w-]*)$/.exec(url.pathname) ?? [];
    if (name === undefined || id === undefined) return refuse(reply, 404, "UNSUPPORTED", url.pathname);
    if (method === "POST") {
      const begun = await this.#store.begin();
      return void reply
        .writeHead(202, { location: `/v2/${name}/blobs/uploads/${begun}`, range: "0-0", "docker-upload-uuid": begun })
        .end();
    }
    const size = await this.#store.append(id, request);
    const digest = url.searchParams.get("digest");
    if (method === "PATCH" || digest === null) {
      return void reply
        .writeHead(202, { location: url.pathname, range: `0-${Math.max(0, size - 1)}`, "docker-upload-uuid": id })
        .end();
    }
    if (!(await this.#store.commit(id, digest))) return refuse(reply, 400, "DIGEST_INVALID", digest);
    reply.writeHead(201, { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest }).end();
  }
}

/** The name of the one who may; the password alone counts. */
const USER = "dray";

const basic = (password: string): string => `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`;

/** What an engine is given along, so that it may use a registry of this process. */
export function registryAuth(password: string): Record<string, string> {
  return authHeader({ username: USER, password });
}

function mediaType(content: string): string {
  const manifest = JSON.parse(content) as { mediaType?: string; manifests?: unknown };
  return (
    manifest.mediaType ?? `application/vnd.oci.image.${manifest.manifests === undefined ? "manifest" : "index"}.v1+json`
  );
}

/** Error bodies as the distribution-spec has them ("Error Codes"). */
function refuse(reply: Reply, status: number, code: string, message: string): void {
  reply.writeHead(status, { "content-type": "application/json" });
  reply.end(JSON.stringify({ errors: [{ code, message }] }));
}
