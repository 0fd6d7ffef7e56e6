import { createHash, createHmac } from "node:crypto";
import http from "node:http";
import type { AddressInfo } from "node:net";

/** A stand-in for a place where weights are; its vendor's own client takes it for the real one (scripts/weights-clients.ts). */
export interface Stall extends AsyncDisposable {
  url: string;
  /** Paths that were asked for with a login that is not the right one, or with none. */
  refused: string[];
}

export type Files = Readonly<Record<string, Buffer>>;

const hash = (kind: "sha1" | "sha256", ...parts: (string | Buffer)[]): string =>
  parts.reduce((made, part) => made.update(part), createHash(kind)).digest("hex");

/** Above this many bytes the hub keeps a file outside of git. */
const LARGE_BYTES = 1000;

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, url: URL) => void;

async function open(host: string, answer: (stall: Stall) => Answer): Promise<Stall> {
  const server = http.createServer((request, response) => {
    request.resume();
    answering(request, response, new URL(request.url ?? "/", `http://${request.headers.host}`));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const stall: Stall = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused: [],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const answering = answer(stall);
  return stall;
}

/** Sends a file, or the part of it that was asked for. */
function sendFile(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  content: Buffer,
  headers: object,
): void {
  const [, first, last] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
  const from = Number(first ?? 0);
  const to = last === undefined || last === "" ? content.length : Math.min(content.length, Number(last) + 1);
  const part = first === undefined ? {} : { "content-range": `bytes ${from}-${to - 1}/${content.length}` };
  const length = { "content-length": String(to - from), "accept-ranges": "bytes" };
  response.writeHead(first === undefined ? 200 : 206, { ...headers, ...length, ...part });
  response.end(request.method === "HEAD" ? undefined : content.subarray(from, to));
}

const json = (response: http.ServerResponse, value: unknown): void => {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
};

/** Hugging Face's hub with one repository at one commit. */
export async function openHub(
  { repository, commit, files, token }: { repository: string; commit: string; files: Files; token: string },
  host: string = "127.0.0.1",
): Promise<Stall> {
  const gitBlob = (content: Buffer): string => hash("sha1", `blob ${content.length}\0`, content);
  const rows = Object.entries(files).map(([path, content]) => ({
    type: "file",
    path,
    size: content.length,
    oid: gitBlob(content),
    ...(content.length < LARGE_BYTES
      ? {}
      : { lfs: { oid: hash("sha256", content), size: content.length, pointerSize: 130 } }),
  }));
  return await open(host, (stall) => (request, response, url) => {
    const path = decodeURIComponent(url.pathname);
    if (request.headers.authorization !== `Bearer ${token}`) {
      stall.refused.push(path);
      return void response.writeHead(401, { "x-error-code": "GatedRepo" }).end("Invalid credentials");
    }
    if (path === `/api/models/${repository}/tree/${commit}`) return json(response, rows);
    if (path.startsWith(`/api/models/${repository}/revision/`))
      return json(response, { id: repository, sha: commit, siblings: rows.map((row) => ({ rfilename: row.path })) });
    const name = path.replace(`/${repository}/resolve/${commit}/`, "");
    const content = files[name];
    if (content === undefined) return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end("no");
    const row = rows.find((each) => each.path === name);
    const etag = `"${row?.lfs?.oid ?? row?.oid}"`;
    const linked = { "x-linked-etag": etag, "x-linked-size": String(content.length) };
    sendFile(request, response, content, { etag, "x-repo-commit": commit, ...linked });
  });
}

/** A store that speaks as S3 does, with one bucket; each request must be signed (Signature Version 4). */
export async function openStore(
  { bucket, files, id, secret, region }: { bucket: string; files: Files; id: string; secret: string; region: string },
  host: string = "127.0.0.1",
): Promise<Stall> {
  return await open(host, (stall) => (request, response, url) => {
    if (!isSigned(request, url, { id, secret, region })) {
      stall.refused.push(url.pathname);
      const error = "<Error><Code>SignatureDoesNotMatch</Code><Message>the signature is another</Message></Error>";
      return void response.writeHead(403, { "content-type": "application/xml" }).end(error);
    }
    const key = decodeURIComponent(url.pathname).replace(`/${bucket}`, "").replace(/^\//, "");
    if (key === "") return listing(response, url, bucket, files);
    const content = files[key];
    if (content === undefined)
      return void response
        .writeHead(404, { "content-type": "application/xml" })
        .end("<Error><Code>NoSuchKey</Code></Error>");
    sendFile(request, response, content, { etag: `"${hash("sha256", content)}"` });
  });
}

/** Two objects a page, so that whoever lists must ask for more. */
function listing(response: http.ServerResponse, url: URL, bucket: string, files: Files): void {
  const prefix = url.searchParams.get("prefix") ?? "";
  const keys = Object.keys(files)
    .filter((key) => key.startsWith(prefix))
    .toSorted();
  const from = Number(url.searchParams.get("continuation-token") ?? 0);
  const page = keys
    .slice(from, from + 2)
    .map(
      (key) =>
        `<Contents><Key>${encodeURIComponent(key).replaceAll("%2F", "/")}</Key><Size>${files[key]?.length}</Size></Contents>`,
    );
  const more = from + 2 < keys.length;
  const next = more ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : "";
  const head = `<Name>${bucket}</Name><EncodingType>url</EncodingType><KeyCount>${page.length}</KeyCount>`;
  response.writeHead(200, { "content-type": "application/xml" });
  response.end(`<ListBucketResult>${head}<IsTruncated>${more}</IsTruncated>${next}${page.join("")}</ListBucketResult>`);
}

/** The server's half of Signature Version 4, in a header or in the query. */
function isSigned(
  request: http.IncomingMessage,
  url: URL,
  key: { id: string; secret: string; region: string },
): boolean {
  const [, query = ""] = (request.url ?? "").split("?");
  const pairs = query.split("&").filter((each) => each !== "" && !each.startsWith("X-Amz-Signature="));
  const said = request.headers.authorization ?? "";
  const of = (inHeader: RegExp, inQuery: string): string =>
    inHeader.exec(said)?.[1] ?? url.searchParams.get(inQuery) ?? "";
  const scope = of(/Credential=([^,]+)/, "X-Amz-Credential");
  const names = of(/SignedHeaders=([^,]+)/, "X-Amz-SignedHeaders");
  const time = String(request.headers["x-amz-date"] ?? url.searchParams.get("X-Amz-Date"));
  const payload = String(request.headers["x-amz-content-sha256"] ?? "UNSIGNED-PAYLOAD");
  const headers = names.split(";").map((name) => `${name}:${String(request.headers[name]).trim()}\n`);
  const full = pairs.map((pair) => (pair.includes("=") ? pair : `${pair}=`)).toSorted();
  const asked = [request.method, url.pathname, full.join("&"), headers.join(""), names, payload].join("\n");
  const rest = scope.split("/").slice(1).join("/");
  const toSign = ["AWS4-HMAC-SHA256", time, rest, hash("sha256", asked)].join("\n");
  const hmac = (by: string | Buffer, text: string): Buffer => createHmac("sha256", by).update(text).digest();
  const signer = rest.split("/").reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${key.secret}`);
  const expected = hmac(signer, toSign).toString("hex");
  const isOurs = scope.startsWith(`${key.id}/`) && rest.split("/")[1] === key.region;
  return isOurs && of(/Signature=(\w+)/, "X-Amz-Signature") === expected;
}

/** Cloud Storage's JSON API with one bucket. */
export async function openBucket(
  { bucket, files, token }: { bucket: string; files: Files; token: string },
  host: string = "127.0.0.1",
): Promise<Stall> {
  return await open(host, (stall) => (request, response, url) => {
    if (request.headers.authorization !== `Bearer ${token}`) {
      stall.refused.push(url.pathname);
      return void response.writeHead(401).end('{"error":{"code":401,"message":"Invalid Credentials"}}');
    }
    const base = `/storage/v1/b/${bucket}/o`;
    if (url.pathname === base) {
      const names = Object.keys(files).filter((name) => name.startsWith(url.searchParams.get("prefix") ?? ""));
      const from = Number(url.searchParams.get("pageToken") ?? 0);
      const items = names
        .slice(from, from + 2)
        .map((name) => ({ name, size: String(files[name]?.length), generation: "7" }));
      return json(response, { items, ...(from + 2 < names.length ? { nextPageToken: String(from + 2) } : {}) });
    }
    const content = files[decodeURIComponent(url.pathname.slice(base.length + 1))];
    if (content === undefined || url.searchParams.get("alt") !== "media") return void response.writeHead(404).end("{}");
    sendFile(request, response, content, { etag: '"7"' });
  });
}

/** A registry with one artifact, whose blobs want a token that its own realm gives for a password. */
export async function openArtifacts(
  { name, files, user, password }: { name: string; files: Files; user: string; password: string },
  host: string = "127.0.0.1",
): Promise<Stall & { digest: string }> {
  const layers = Object.entries(files).map(([path, content]) => ({
    mediaType: "application/octet-stream",
    digest: `sha256:${hash("sha256", content)}`,
    size: content.length,
    annotations: { "org.opencontainers.image.title": path },
  }));
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    layers,
  });
  const digest = `sha256:${hash("sha256", manifest)}`;
  const basic = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const stall = await open(host, (here) => (request, response, url) => {
    if (url.pathname === "/token")
      return request.headers.authorization === basic
        ? json(response, { token: "given" })
        : void response.writeHead(401).end("{}");
    if (request.headers.authorization !== "Bearer given") {
      here.refused.push(url.pathname);
      const realm = `Bearer realm="${here.url}/token",service="here",scope="repository:${name}:pull"`;
      return void response.writeHead(401, { "www-authenticate": realm }).end("{}");
    }
    if (url.pathname === `/v2/${name}/manifests/${digest}`) return void response.writeHead(200).end(manifest);
    const layer = layers.find((each) => url.pathname === `/v2/${name}/blobs/${each.digest}`);
    const content = layer === undefined ? undefined : files[layer.annotations["org.opencontainers.image.title"]];
    if (content === undefined) return void response.writeHead(404).end("{}");
    sendFile(request, response, content, {});
  });
  return Object.assign(stall, { digest });
}
