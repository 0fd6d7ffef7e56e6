import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { type Answer, FakeCompute } from "./compute.ts";
import { type Artifacts, REGISTRY_HOST, startArtifacts } from "./artifacts.ts";
import { FakeVertex } from "./vertex.ts";
import { Spec } from "./spec.ts";

const V1 = "google.cloud.aiplatform.v1";
let specs: Record<string, Spec> | undefined;

/** Google's own types, read once. */
function allSpecs(): Record<string, Spec> {
  const compute = [
    "Addresses",
    "Firewalls",
    "Instances",
    "ZoneOperations",
    "RegionOperations",
    "GlobalOperations",
    "Projects",
    "Zones",
  ];
  specs ??= {
    compute: new Spec(
      "compute",
      compute.map((name) => `google.cloud.compute.v1.${name}`),
    ),
    aiplatform: new Spec("aiplatform", [`${V1}.EndpointService`, `${V1}.ModelService`, `${V1}.PredictionService`]),
  };
  return specs;
}

/** How a request is answered instead: `when` is matched against `METHOD /path`. */
export interface Fault {
  when: RegExp;
  answer: Answer;
  /** How often; for ever when left out. */
  times?: number;
}

/** Google's APIs on this computer: every request is held against Google's own types before it is answered. */
export interface Google extends AsyncDisposable {
  project: string;
  /** The token that is taken now. */
  token: string;
  compute: FakeCompute;
  artifacts: Artifacts;
  vertex: FakeVertex;
  /** What dray, gcloud and Google's libraries need to come here. */
  env: Record<string, string>;
  faults: Fault[];
  /** `METHOD /path` of each request, and what was wrong with some. */
  seen: string[];
  rejected: string[];
  /** Changes that were asked for, with their bodies. */
  changes: { name: string; query: string; body: unknown }[];
}

export async function startGoogle(): Promise<Google> {
  const token = `ya29.${Math.random().toString(36).slice(2)}-planted-token`;
  const compute = await FakeCompute.start("drayage-test", token);
  const faults: Fault[] = [];
  const seen: string[] = [];
  const rejected: string[] = [];
  const changes: Google["changes"] = [];
  const fake = { project: compute.project, token };
  const { outside } = compute;
  const artifacts = await startArtifacts(
    outside,
    `${outside.name}-registry`,
    (shown) => shown === fake.token,
    (request, reply) => listen(request, reply),
  );
  outside.names.set(REGISTRY_HOST, artifacts.ca);
  const vertex = new FakeVertex(outside, artifacts);
  const listen: http.RequestListener = (request, reply) => {
    if (request.url === "/token") return void giveToken(request, reply, fake.token);
    const send = (answer: Answer | undefined): void => {
      // A prediction's answer is sent already.
      if (answer !== undefined)
        reply.writeHead(answer[0], { "content-type": "application/json" }).end(JSON.stringify(answer[1]));
    };
    route(request, reply).then(send, (error: unknown) => reply.writeHead(500).end(String(error)));
  };
  const server = http.createServer(listen);
  const route = async (request: http.IncomingMessage, reply: http.ServerResponse): Promise<Answer | undefined> => {
    const verb = request.method ?? "GET";
    const url = new URL(request.url ?? "/", "http://google");
    const name = `${verb} ${url.pathname}`;
    seen.push(name);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const body: unknown = text === "" ? undefined : JSON.parse(text);
    const logging = url.pathname === "/v2/entries:list";
    const operation = /^\/v1(?:beta1)?\/projects\/[^/]+\/locations\/[^/]+\/operations\/[^/:]+(:cancel)?$/.test(
      url.pathname,
    );
    if (verb !== "GET") changes.push({ name, query: url.search, body });
    const service = url.pathname.startsWith("/compute/") ? "compute" : "aiplatform";
    // Two that Google's packages have no types of: Cloud Logging's list, and the operations that all services share.
    const known = logging ? logProblems(body) : operation ? [] : undefined;
    const checked = known === undefined ? allSpecs()[service]?.check(verb, url, body) : { wrong: known };
    if (checked === undefined) rejected.push(`${name}: there is no such request`);
    else rejected.push(...checked.wrong.map((wrong) => `${name}: ${wrong}`));
    if (checked === undefined || checked.wrong.length > 0)
      return [
        400,
        { error: { code: 400, message: checked?.wrong[0] ?? "no such request", status: "INVALID_ARGUMENT" } },
      ];
    if (request.headers.authorization !== `Bearer ${fake.token}`)
      return [
        401,
        { error: { code: 401, message: "Request had invalid authentication credentials.", status: "UNAUTHENTICATED" } },
      ];
    const fault = faults.find(({ when }) => when.test(name));
    if (fault !== undefined) {
      if (fault.times !== undefined && --fault.times === 0) faults.splice(faults.indexOf(fault), 1);
      return fault.answer;
    }
    if (logging) return [200, { entries: await vertex.logs(/endpoint_id=\\"(\w+)/.exec(text)?.[1] ?? "") }];
    const place = /^\/v1(?:beta1)?\/(projects\/([^/]+)\/locations\/[^/]+)\/(.+)$/.exec(url.pathname);
    const predict = /^endpoints\/(\w+):rawPredict$/.exec(place?.[3] ?? "");
    if (predict !== null) {
      const {
        status,
        headers,
        body: said,
      } = await vertex.predict(predict[1] ?? "", text, request.headers["content-type"] ?? "");
      reply.writeHead(status, { "content-type": "application/json", ...headers }).end(said);
      return undefined;
    }
    if (place?.[2] === compute.project) return await vertex.answer(verb, place[1] ?? "", place[3] ?? "", url, body);
    const rest = /^\/compute\/v1\/projects\/([^/]+)\/(.+)$/.exec(url.pathname);
    if (rest?.[1] !== compute.project) return [404, { error: { code: 404, message: `no project ${rest?.[1]}` } }];
    return await compute.answer(verb, rest[2] ?? "", url, body as { name: string });
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(fake, {
    compute,
    artifacts,
    vertex,
    faults,
    seen,
    rejected,
    changes,
    env: {
      NODE_EXTRA_CA_CERTS: artifacts.ca,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE: `${base}/compute/v1/`,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_AIPLATFORM: `${base}/`,
      CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: `${base}/`,
      GOOGLE_CLOUD_PROJECT: compute.project,
      GOOGLE_OAUTH_ACCESS_TOKEN: token,
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await vertex[Symbol.asyncDispose]();
      await artifacts[Symbol.asyncDispose]();
      await compute[Symbol.asyncDispose]();
    },
  });
}

/** What is wrong with a body of `entries:list` (Cloud Logging's REST reference, v2). */
function logProblems(body: unknown): string[] {
  const known = new Set(["resourceNames", "filter", "orderBy", "pageSize", "pageToken"]);
  const given = Object.keys(body ?? {});
  return [
    ...given.filter((key) => !known.has(key)).map((key) => `${key} is unknown`),
    ...(given.includes("resourceNames") ? [] : ["resourceNames is missing"]),
  ];
}

/** Google's token server for a service account's key (RFC 7523): the assertion names who, and for what. */
async function giveToken(request: http.IncomingMessage, reply: http.ServerResponse, token: string): Promise<void> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  const form = new URLSearchParams(text);
  const [, claims = ""] = (form.get("assertion") ?? "").split(".");
  const said = JSON.parse(Buffer.from(claims, "base64url").toString() || "{}") as { iss?: string; scope?: string };
  const good =
    form.get("grant_type") === "urn:ietf:params:oauth:grant-type:jwt-bearer" &&
    said.scope?.endsWith("/cloud-platform") === true;
  const body = good
    ? { access_token: token, expires_in: 3599, token_type: "Bearer" }
    : { error: "invalid_grant", error_description: "Invalid JWT" };
  reply.writeHead(good ? 200 : 400, { "content-type": "application/json" }).end(JSON.stringify(body));
}
