import { createSign, randomUUID, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import { selfSigned } from "../certificate.ts";
import { addressOf, must, prepareTokenRegistry } from "../images.ts";
import { worldFolder } from "../owner.ts";
import type { Outside } from "./vm.ts";

export const REGISTRY_HOST = "us-central1-docker.pkg.dev";
/** Google's other names that lead here, for a laptop that is not told to go elsewhere. */
const API_HOSTS = [
  "oauth2.googleapis.com",
  "compute.googleapis.com",
  "us-central1-aiplatform.googleapis.com",
  "logging.googleapis.com",
];

/** Artifact Registry at its real name: Debian's registry, behind a front that gives tokens as Google's does. */
export interface Artifacts extends AsyncDisposable {
  /** The certificate that a client has to believe: a PEM file. */
  ca: string;
  /** Lines for /etc/hosts. */
  hosts: string;
  /** Repositories, as `PROJECT/REPOSITORY`, and what the login may do there. */
  rights: Map<string, readonly ("pull" | "push")[]>;
  /** The id by which this computer's engine has an image that was pushed; throws where there is no such image. */
  configOf(reference: string): Promise<string>;
  /** Cuts a connection after so many bytes of an upload or download, once. */
  cutAfter: number | undefined;
  /** The next token of the registry's own is one that ended long ago. */
  expired: number;
  /** How many tokens the registry's server has given; those of these numbers are ended ones. */
  given: number;
  endedTokens: number[];
}

export async function startArtifacts(
  outside: Outside,
  name: string,
  isGood: (token: string) => boolean,
  api: http.RequestListener,
): Promise<Artifacts> {
  const folder = await worldFolder();
  const at = (file: string): string => path.join(folder, file);
  await selfSigned(at("ca.pem"), at("key.pem"), [REGISTRY_HOST, ...API_HOSTS].map((each) => `DNS:${each}`).join(","));
  const [cert, key] = [await readFile(at("ca.pem"), "utf8"), await readFile(at("key.pem"), "utf8")];
  const image = await prepareTokenRegistry();
  const realm = `REGISTRY_AUTH_TOKEN_REALM=https://${REGISTRY_HOST}/v2/token`;
  const service = `REGISTRY_AUTH_TOKEN_SERVICE=${REGISTRY_HOST}`;
  const host = `REGISTRY_HTTP_HOST=https://${REGISTRY_HOST}`;
  const settings = [realm, service, host, `TOKEN_CERTIFICATE=${cert}`].flatMap((each) => ["-e", each]);
  await must(["docker", "run", "-d", "--name", name, "--network", outside.name, ...settings, image]);
  const behind = await addressOf(name);
  await writeFile(at("hosts"), `127.0.0.1 localhost\n${outside.gateway} ${[REGISTRY_HOST, ...API_HOSTS].join(" ")}\n`);
  const state = {
    ca: at("ca.pem"),
    hosts: at("hosts"),
    rights: new Map<string, readonly ("pull" | "push")[]>(),
    configOf: (reference: string): Promise<string> => configOf(reference),
    cutAfter: undefined as number | undefined,
    expired: 0,
    given: 0,
    endedTokens: [] as number[],
  };
  const refuse = (reply: http.ServerResponse, status: number, code: string, message: string): void =>
    void reply
      .writeHead(status, { "content-type": "application/json" })
      .end(JSON.stringify({ errors: [{ code, message }] }));

  /** Google's token server: who shows a good access token gets what the login may do; the rest is left out of the token. */
  const giveToken = (url: URL, request: http.IncomingMessage, reply: http.ServerResponse): void => {
    const [, basic = ""] = /^Basic (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    const [user, ...password] = Buffer.from(basic, "base64").toString().split(":");
    if (user !== "oauth2accesstoken" || !isGood(password.join(":")))
      return refuse(reply, 401, "UNAUTHORIZED", "authentication failed");
    const access = url.searchParams.getAll("scope").flatMap((scope) => {
      const [type = "", repository = "", asked = ""] = scope.split(":");
      const may = state.rights.get(repository.split("/").slice(0, 2).join("/")) ?? [];
      return [{ type, name: repository, actions: asked.split(",").filter((each) => (may as string[]).includes(each)) }];
    });
    const now =
      Math.floor(Date.now() / 1000) - (state.expired-- > 0 || state.endedTokens.includes(++state.given) ? 7200 : 0);
    const claims = {
      iss: "world",
      sub: user,
      aud: REGISTRY_HOST,
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: randomUUID(),
      access,
    };
    const header = { typ: "JWT", alg: "ES256", x5c: [new X509Certificate(cert).raw.toString("base64")] };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const body = `${part(header)}.${part(claims)}`;
    const signature = createSign("SHA256").update(body).sign({ key, dsaEncoding: "ieee-p1363" });
    reply
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ token: `${body}.${signature.toString("base64url")}` }));
  };

  const configOf = async (reference: string): Promise<string> => {
    const [, repository, digest = ""] = /^[^/]+\/([^@]+)@sha256:(\w+)$/.exec(reference) ?? [];
    const file = `/data/docker/registry/v2/blobs/sha256/${digest.slice(0, 2)}/${digest}/data`;
    const text = await must(["docker", "exec", name, "cat", file]).catch(() => {
      throw Object.assign(new Error(`Image ${repository}@sha256:${digest} not found`), { code: 5 });
    });
    const { config } = JSON.parse(text) as { config: { digest: string } };
    return config.digest;
  };

  const front = https.createServer({ cert, key }, (request, reply) => {
    const url = new URL(request.url ?? "/", `https://${REGISTRY_HOST}`);
    if (API_HOSTS.includes(request.headers.host ?? "")) return api(request, reply);
    if (url.pathname === "/v2/token") return giveToken(url, request, reply);
    const repository = url.pathname.split("/").slice(2, 4).join("/");
    if (url.pathname !== "/v2/" && request.headers.authorization !== undefined && !state.rights.has(repository))
      return refuse(reply, 404, "NAME_UNKNOWN", `Repository "${repository.split("/")[1]}" not found`);
    const onward = http.request(
      { host: behind, port: 5000, method: request.method, path: request.url, headers: request.headers },
      (answer) => {
        reply.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(reply);
      },
    );
    onward.on("error", () => reply.destroy());
    let seen = 0;
    request.on("data", (chunk: Buffer) => {
      seen += chunk.length;
      if (state.cutAfter === undefined || seen < state.cutAfter) return void onward.write(chunk);
      state.cutAfter = undefined;
      // What came until now is kept by the registry; the client sees its connection end.
      onward.destroy();
      request.socket.destroy();
    });
    request.on("end", () => onward.end());
  });
  front.listen(443, outside.gateway);
  await once(front, "listening");
  return Object.assign(state, {
    [Symbol.asyncDispose]: async () => {
      front.closeAllConnections();
      front.close();
      await must(["docker", "rm", "-f", "-v", name]);
      await rm(folder, { recursive: true, force: true });
    },
  });
}
