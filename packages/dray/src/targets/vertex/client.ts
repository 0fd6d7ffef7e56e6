import { deadline } from "drayage-clock";
import type { Call, GoogleApi } from "../../google/api.ts";
import { serviceBase } from "../../google/api.ts";
import { Failure } from "../../base/failure.ts";
import { operationDone, type OnWait } from "../../google/operation.ts";
import { bodyOf } from "../../base/request.ts";
import type { Answer } from "../../core/golden.ts";
import { payloadOfJson, type Payload } from "../../core/payload.ts";
import { CURRENT, type Endpoint, LABEL, type Model, PREVIOUS } from "./resources.ts";

const PAGE = 100;

/** A request as it goes to the model; `stranger`: without a login. */
export interface RawRequest {
  /** An empty JSON object when left out. */
  body?: Payload | undefined;
  headers: Record<string, string>;
  timeoutMs: number;
  as: "caller" | "stranger";
}

/** Vertex AI in one region: what is there of a service, and the changes, each waited for. */
export class Vertex {
  readonly api: GoogleApi;
  readonly region: string;
  readonly #signal: AbortSignal;

  constructor(api: GoogleApi, region: string, signal: AbortSignal) {
    this.api = api;
    this.region = region;
    this.#signal = signal;
  }

  under(signal: AbortSignal): Vertex {
    return new Vertex(this.api, this.region, signal);
  }

  get #place(): string {
    return `v1/projects/${this.api.project}/locations/${this.region}`;
  }

  #call(method: Call["method"], path: string, rest: Pick<Call, "body" | "query"> = {}): Call {
    return { service: "aiplatform", method, path, location: this.region, signal: this.#signal, ...rest };
  }

  /** The service's endpoint. @throws Failure google.taken when one of that name is not ours */
  async endpoint(service: string): Promise<Endpoint | undefined> {
    interface Page {
      endpoints?: Endpoint[];
    }
    const filter = `display_name="${service}"`;
    const page = await this.api.call<Page>(this.#call("GET", `${this.#place}/endpoints`, { query: { filter } }));
    const ours = page.endpoints?.find((endpoint) => endpoint.labels?.[LABEL] === service);
    if (ours !== undefined || (page.endpoints ?? []).length === 0) return ours;
    throw new Failure("google.taken", `there is an endpoint ${service} in ${this.region} that dray did not make`, {
      hint: "another service: in the manifest; or another region: vertex: {region}",
    });
  }

  /** Its releases as versions of its model. @throws Failure google.taken */
  async models(service: string): Promise<Model[]> {
    interface Page {
      models?: Model[];
      nextPageToken?: string;
    }
    const path = `${this.#place}/models/${service}:listVersions`;
    const page = await this.api.find<Page>(this.#call("GET", path, { query: { pageSize: String(PAGE) } }));
    const models = page?.models ?? [];
    if (models.every((model) => model.labels?.[LABEL] === service)) return models;
    throw new Failure("google.taken", `there is a model ${service} in ${this.region} that dray did not make`, {
      hint: "another service: in the manifest; or another region: vertex: {region}",
    });
  }

  /** Both at once. */
  async look(service: string): Promise<{ endpoint: Endpoint | undefined; models: Model[] }> {
    const [endpoint, models] = await Promise.all([this.endpoint(service), this.models(service)]);
    return { endpoint, models };
  }

  async upload(body: object, onWait: OnWait): Promise<{ model: string; modelVersionId: string }> {
    return await operationDone(this.api, this.#call("POST", `${this.#place}/models:upload`, { body }), onWait);
  }

  async createEndpoint(body: object, onWait: OnWait): Promise<string> {
    const made = await operationDone<{ name: string }>(
      this.api,
      this.#call("POST", `${this.#place}/endpoints`, { body }),
      onWait,
    );
    return made.name;
  }

  /** Takes 5 to 20 minutes there. Returns the id of what is deployed. */
  async deploy(endpoint: string, body: object, onWait: OnWait): Promise<string> {
    const made = await operationDone<{ deployedModel: { id: string } }>(
      this.api,
      this.#call("POST", `v1/${endpoint}:deployModel`, { body }),
      onWait,
    );
    return made.deployedModel.id;
  }

  /** `split`: who gets its traffic, where it has some. */
  async undeploy(
    endpoint: string,
    deployedModelId: string,
    onWait: OnWait,
    split?: Record<string, number>,
  ): Promise<void> {
    const body = { deployedModelId, ...(split === undefined ? {} : { trafficSplit: split }) };
    const call = this.#call("POST", `v1/${endpoint}:undeployModel`, { body });
    await operationDone(this.api, call, onWait);
  }

  /** Gives the traffic to whom it belongs; at once, and refused where somebody else has changed the endpoint meanwhile. */
  async split(
    endpoint: Endpoint,
    trafficSplit: Record<string, number>,
    names?: { current: string; previous: string | undefined },
  ): Promise<Endpoint> {
    const labels: Record<string, string> = { ...endpoint.labels };
    if (names !== undefined) {
      labels[CURRENT] = names.current;
      if (names.previous === undefined) delete labels[PREVIOUS];
      else labels[PREVIOUS] = names.previous;
    }
    const body = { trafficSplit, labels, ...(endpoint.etag === undefined ? {} : { etag: endpoint.etag }) };
    const query = { updateMask: "trafficSplit,labels" };
    return await this.api.call<Endpoint>(this.#call("PATCH", `v1/${endpoint.name}`, { body, query }));
  }

  async get(endpoint: string): Promise<Endpoint> {
    return await this.api.call<Endpoint>(this.#call("GET", `v1/${endpoint}`));
  }

  /** Deletes an endpoint, a model with all of its versions, or one version (`...@3:deleteVersion`). */
  async delete(name: string, onWait: OnWait): Promise<void> {
    await operationDone(this.api, this.#call("DELETE", `v1/${name}`), onWait);
  }

  /** Sends a body to the model as it is; answers whatever the model answers. `served`: the id of what answered. */
  async rawPredict(
    endpoint: Endpoint,
    { body, headers, timeoutMs, as }: RawRequest,
  ): Promise<Answer & { served?: string }> {
    const url = new URL(
      `v1/${endpoint.name}:rawPredict`,
      serviceBase("aiplatform", this.region, endpoint.dedicatedEndpointDns),
    );
    const startedAt = performance.now();
    using limit = deadline(timeoutMs, this.#signal);
    const { type, bytes } = body ?? payloadOfJson("{}");
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": type,
        ...headers,
        ...(as === "caller" ? { authorization: await this.api.authorization(this.#signal) } : {}),
      },
      body: Buffer.from(bytes),
      signal: limit.signal,
    });
    const { text, sha256 } = bodyOf(Buffer.from(await answer.arrayBuffer()));
    const served = answer.headers.get("x-vertex-ai-deployed-model-id");
    return {
      status: answer.status,
      body: text,
      sha256,
      type: answer.headers.get("content-type") ?? "",
      ms: Math.round((performance.now() - startedAt) * 10) / 10,
      ...(served === null ? {} : { served }),
    };
  }

  /** The last lines of the containers' logs, newest first as Cloud Logging has them. */
  async logLines(endpoint: string, pageSize: number, since: string): Promise<{ timestamp?: string; text: string }[]> {
    interface Page {
      entries?: { timestamp?: string; textPayload?: string; jsonPayload?: { message?: string } }[];
    }
    const filter = [
      'resource.type="aiplatform.googleapis.com/Endpoint"',
      `resource.labels.endpoint_id="${endpoint.split("/").pop()}"`,
      `timestamp>="${since}"`,
    ].join(" AND ");
    const page = await this.api.call<Page>({
      service: "logging",
      method: "POST",
      path: "v2/entries:list",
      body: { resourceNames: [`projects/${this.api.project}`], filter, orderBy: "timestamp desc", pageSize },
      signal: this.#signal,
    });
    return (page.entries ?? []).map(({ timestamp, textPayload, jsonPayload }) => ({
      ...(timestamp === undefined ? {} : { timestamp }),
      text: textPayload ?? jsonPayload?.message ?? JSON.stringify(jsonPayload ?? {}),
    }));
  }
}
