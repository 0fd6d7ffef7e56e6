import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { within } from "drayage-clock";

/** What one machine is told, and what it has told. */
export interface Metadata extends AsyncDisposable {
  /** `HOST:PORT` to which the machine's 169.254.169.254:80 leads. */
  at: (host: string) => string;
  /** Guest attributes, by `NAMESPACE/KEY`. */
  told: Map<string, string>;
  /** Changes what it is told; those who wait learn of it. */
  change(attributes: Record<string, string>): void;
}

interface Identity {
  id: string;
  name: string;
  zone: string;
  project: string;
  /** The token of the machine's own account. */
  token: string;
}

/** The metadata server of one machine (Compute Engine's "About VM metadata"), as far as Google's guest agent and libraries ask. */
export async function startMetadata(identity: Identity, initial: Record<string, string>): Promise<Metadata> {
  let attributes = initial;
  const told = new Map<string, string>();
  const changed = new EventEmitter().setMaxListeners(100);
  const tree = (): object => ({
    instance: {
      id: Number(identity.id),
      name: identity.name,
      hostname: `${identity.name}.${identity.zone}.c.${identity.project}.internal`,
      zone: `projects/1/zones/${identity.zone}`,
      attributes,
      networkInterfaces: [],
      serviceAccounts: {},
      virtualClock: { driftToken: "0" },
    },
    project: { projectId: identity.project, numericProjectId: 1, attributes: {} },
  });
  const etag = (): string => createHash("sha256").update(JSON.stringify(attributes)).digest("hex").slice(0, 16);
  const server = http.createServer((request, reply) => {
    void answer(request, reply);
  });
  const answer = async (request: http.IncomingMessage, reply: http.ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://metadata");
    const send = (status: number, text: string): void => {
      reply.writeHead(status, { "metadata-flavor": "Google", etag: etag() }).end(text);
    };
    if (request.headers["metadata-flavor"] !== "Google" && url.pathname !== "/")
      return send(403, "Missing Metadata-Flavor");
    const where = url.pathname.replace(/^\/computeMetadata\/v1\/?/, "").replace(/\/$/, "");
    const guest = /^instance\/guest-attributes\/(.+)$/.exec(where)?.[1];
    if (guest !== undefined && request.method === "PUT") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      told.set(guest, body);
      return send(200, "");
    }
    if (url.searchParams.get("wait_for_change") === "true" && url.searchParams.get("last_etag") === etag()) {
      const seconds = Number(url.searchParams.get("timeout_sec") ?? 60);
      await within(seconds * 1000, undefined, (signal) => once(changed, "change", { signal })).catch(() => undefined);
    }
    if (where === "instance/service-accounts/default/token")
      return send(200, JSON.stringify({ access_token: identity.token, expires_in: 3599, token_type: "Bearer" }));
    if (guest !== undefined) return told.has(guest) ? send(200, told.get(guest) ?? "") : send(404, "");
    let found: unknown = tree();
    for (const part of where.split("/").filter((each) => each !== "")) {
      const key = part.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
      const node = (found ?? {}) as Record<string, unknown>;
      found = node[part] ?? node[key];
    }
    if (found === undefined) return send(404, "not found");
    send(200, typeof found === "string" ? found : JSON.stringify(found));
  };
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return {
    at: (host) => `${host}:${(server.address() as AddressInfo).port}`,
    told,
    change: (next) => {
      attributes = next;
      changed.emit("change");
    },
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      server.close();
      return Promise.resolve();
    },
  };
}
