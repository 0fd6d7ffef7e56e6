import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Port } from "../../model/model.ts";
import { kindOf } from "../../model/tensors.ts";
import { Refusal } from "../../refusal.ts";
import type { Behind } from "../behind.ts";
import type { Identity } from "../openapi.ts";
import { answerOf } from "./answer.ts";
import { LENGTH_HEADER, readAsking } from "./request.ts";
import { configOf, EXTENSIONS, statisticsOf } from "./triton.ts";

/** Is this one of the protocol's addresses? Its errors are a text, on every one of them. */
export function isV2(url: string): boolean {
  return /^\/v2(?:[/?]|$)/.test(url);
}

/** The Open Inference Protocol v2 over HTTP (github.com/kserve/open-inference-protocol, inference_rest.md). */
export function addProtocolV2(app: FastifyInstance, behind: Behind): void {
  void app.register(
    (scope, _options, done) => {
      // Its clients send JSON, bytes or both, and often no content type: the body says which.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, parsed) => parsed(null, body));
      addServer(scope, behind);
      for (const at of ["/models/:model", "/models/:model/versions/:version"]) addModel(scope, at, behind);
      addRepository(scope, behind);
      done();
    },
    { prefix: "/v2" },
  );
}

interface Named {
  model: string;
  version?: string;
}

function addServer(scope: FastifyInstance, { identity, mustBeReady, metrics }: Behind): void {
  scope.get("/", { prefixTrailingSlash: "no-slash" }, () => ({
    name: "drayage-serve",
    version: identity.release,
    extensions: EXTENSIONS,
  }));
  scope.get("/health/live", () => ({ live: true }));
  scope.get("/health/ready", () => {
    mustBeReady();
    return { ready: true };
  });
  scope.get("/models/stats", async () => ({ model_stats: [statisticsOf(await metrics(), identity)] }));
}

function addModel(scope: FastifyInstance, at: string, behind: Behind): void {
  const { identity, loaded, mustBeReady, metrics } = behind;
  const described = (port: Port): object => ({ name: port.name, datatype: kindOf(port.dtype).oip, shape: port.shape });
  scope.get<{ Params: Named }>(at, ({ params }) => {
    mustBe(params, identity);
    const { model } = loaded();
    return {
      name: identity.service,
      versions: [identity.release],
      platform: "onnx_onnxv1",
      inputs: model.inputs.map(described),
      outputs: model.outputs.map(described),
    };
  });
  scope.get<{ Params: Named }>(`${at}/ready`, ({ params }) => {
    mustBe(params, identity);
    mustBeReady();
    return { name: identity.service, ready: true };
  });
  scope.get<{ Params: Named }>(`${at}/config`, ({ params }) => {
    mustBe(params, identity);
    return configOf(loaded(), identity);
  });
  scope.get<{ Params: Named }>(`${at}/stats`, async ({ params }) => {
    mustBe(params, identity);
    return { model_stats: [statisticsOf(await metrics(), identity)] };
  });
  scope.post<{ Params: Named }>(`${at}/infer`, async (request, reply) => {
    mustBe(request.params, identity);
    return await infer(request, reply, behind);
  });
}

function addRepository(scope: FastifyInstance, { identity, isReady }: Behind): void {
  scope.post("/repository/index", () => [
    { name: identity.service, version: identity.release, state: isReady() ? "READY" : "UNAVAILABLE", reason: "" },
  ]);
  for (const verb of ["load", "unload"]) {
    scope.post(`/repository/models/:model/${verb}`, () => {
      throw new Refusal(400, "models come and go with releases here: run dray deploy or dray rollback");
    });
  }
}

function mustBe(params: Named, identity: Identity): void {
  if (params.model !== identity.service)
    throw new Refusal(404, `there is no model ${params.model.slice(0, 100)}; there is ${identity.service}`);
  if (params.version !== undefined && params.version !== identity.release)
    throw new Refusal(404, `there is no version ${params.version.slice(0, 100)}; there is ${identity.release}`);
}

async function infer(request: FastifyRequest, reply: FastifyReply, { identity, loaded }: Behind): Promise<unknown> {
  const service = loaded();
  const length = request.headers[LENGTH_HEADER];
  const asking = readAsking(request.body, typeof length === "string" ? length : undefined, service);
  const gone = (): boolean => reply.raw.destroyed;
  const made = await service.infer(asking.feeds, gone).catch((error: unknown) => {
    // The protocol knows one code for what does not fit.
    throw error instanceof Refusal && error.status === 422 ? new Refusal(400, error.message) : error;
  });
  const { json, bytes } = answerOf(asking, made, service, identity);
  if (bytes.length === 0) return json;
  const header = Buffer.from(JSON.stringify(json));
  void reply.type("application/octet-stream").header(LENGTH_HEADER, header.length);
  return Buffer.concat([header, ...bytes]);
}
