import { randomBytes } from "node:crypto";
import { addressOf, must } from "../images.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Answer } from "./compute.ts";
import type { Outside } from "./vm.ts";

interface Model {
  name: string;
  versionId: string;
  displayName: string;
  labels?: Record<string, string>;
  containerSpec: {
    imageUri: string;
    ports?: { containerPort: number }[];
    predictRoute?: string;
    healthRoute?: string;
    env?: { name: string; value: string }[];
  };
  versionCreateTime: string;
}

interface Deployed {
  id: string;
  model: string;
  displayName: string;
  createTime: string;
}

interface Endpoint {
  name: string;
  displayName: string;
  labels?: Record<string, string>;
  deployedModels: Deployed[];
  trafficSplit: Record<string, number>;
  dedicatedEndpointDns?: string;
  etag: string;
}

interface Undeploy {
  deployedModelId: string;
  trafficSplit?: Record<string, number>;
}

interface DeployBody {
  deployedModel: { model: string; displayName: string; dedicatedResources: { machineSpec: { machineType: string } } };
  trafficSplit: Record<string, number>;
}

interface Operation {
  name: string;
  done: boolean;
  error?: { code: number; message: string };
  response?: unknown;
}

const problem = (code: number, status: string, message: string): Answer => [code, { error: { code, status, message } }];
const TYPES = ["n1-standard-2", "n1-standard-4", "e2-standard-2", "e2-standard-4"];
/** What gcloud reads of a model before it deploys it. */
const DEPLOYABLE = { supportedDeploymentResourcesTypes: ["DEDICATED_RESOURCES"] };
const READY_MS = 15_000;

/** What a prediction is answered with, besides a status and a body. */
export type Predicted = { status: number; headers: Record<string, string>; body: string };

/** Vertex AI with its rules: model versions, endpoints, the split of the traffic; what is deployed really runs. */
export class FakeVertex implements AsyncDisposable {
  readonly models = new Map<string, Model[]>();
  readonly endpoints = new Map<string, Endpoint>();
  /** How the next long operation ends, instead of well. */
  nextError: { code: number; message: string } | undefined;
  /** Makes deploying take this long at least. */
  deployMs = 0;
  /** What runs, by the id of the deployed model. */
  readonly #containers = new Map<string, { name: string; url: string }>();
  readonly #operations = new Map<string, Operation>();
  readonly #cancelled = new Set<string>();
  readonly #outside: Outside;
  readonly #artifacts: Artifacts;
  #count = 0;

  constructor(outside: Outside, artifacts: Artifacts) {
    this.#outside = outside;
    this.#artifacts = artifacts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#containers.keys()) await this.#end(id);
  }

  /** `rest`: the path after `/v1/projects/P/locations/L/`. */
  async answer(verb: string, place: string, rest: string, url: URL, body: unknown): Promise<Answer> {
    const operation = /^operations\/([^:]+)(:cancel)?$/.exec(rest);
    if (operation !== null) {
      const found = this.#operations.get(operation[1] ?? "");
      if (operation[2] !== undefined) this.#cancelled.add(operation[1] ?? "");
      return found === undefined ? problem(404, "NOT_FOUND", `no operation ${operation[1]}`) : [200, found];
    }
    const [, kind = "", id = "", version, action = ""] =
      /^(models|endpoints)(?:\/([^:@]+))?(?:@([^:]+))?(?::(\w+))?$/.exec(rest) ?? [];
    if (kind === "models") return this.#modelAnswer(verb, place, id, version, action, body);
    if (kind === "endpoints") return this.#endpointAnswer(verb, place, id, action, url, body);
    return problem(404, "NOT_FOUND", rest);
  }

  #modelAnswer(
    verb: string,
    place: string,
    id: string,
    version: string | undefined,
    action: string,
    body: unknown,
  ): Answer {
    if (action === "upload")
      return this.#upload(place, body as { modelId?: string; parentModel?: string; model: Model });
    const versions = this.models.get(id);
    if (versions === undefined) return problem(404, "NOT_FOUND", `The Model "${place}/models/${id}" does not exist.`);
    if (action === "listVersions") return [200, { models: versions.toReversed() }];
    if (verb !== "DELETE") return [200, versions.at(-1)];
    const gone = version === undefined ? versions : versions.filter((each) => each.versionId === version);
    const used = [...this.endpoints.values()].flatMap(({ deployedModels }) => deployedModels.map(({ model }) => model));
    if (gone.some((each) => used.includes(`${each.name}@${each.versionId}`)))
      return problem(
        400,
        "FAILED_PRECONDITION",
        `The Model "${id}" is deployed or being deployed at the following Endpoint(s)`,
      );
    if (version !== undefined && versions.length === 1)
      return problem(400, "FAILED_PRECONDITION", "the only version of a model is deleted with the model");
    return this.#begin(place, async () => {
      const left = versions.filter((each) => !gone.includes(each));
      if (left.length === 0) this.models.delete(id);
      else this.models.set(id, left);
      return {};
    });
  }

  #upload(
    place: string,
    { modelId, parentModel, model }: { modelId?: string; parentModel?: string; model: Model },
  ): Answer {
    const id = modelId ?? parentModel?.split("/").pop() ?? "";
    if (modelId !== undefined && this.models.has(modelId))
      return problem(409, "ALREADY_EXISTS", `The Model ${modelId} exists already`);
    if (parentModel !== undefined && !this.models.has(id)) return problem(404, "NOT_FOUND", `no model ${parentModel}`);
    if (!/-docker\.pkg\.dev\//.test(model.containerSpec.imageUri))
      return problem(
        400,
        "INVALID_ARGUMENT",
        `container image ${model.containerSpec.imageUri} is not in Artifact Registry`,
      );
    return this.#begin(place, async () => {
      await this.#artifacts.configOf(model.containerSpec.imageUri);
      const versions = this.models.get(id) ?? [];
      const versionId = String(Number(versions.at(-1)?.versionId ?? 0) + 1);
      const name = `${place}/models/${id}`;
      this.models.set(id, [
        ...versions,
        { ...model, ...DEPLOYABLE, name, versionId, versionCreateTime: new Date().toISOString() },
      ]);
      return { model: name, modelVersionId: versionId };
    });
  }

  #endpointAnswer(verb: string, place: string, id: string, action: string, url: URL, body: unknown): Answer {
    if (id === "" && verb === "GET") {
      const [, wanted] = /^display_name="([^"]+)"$/.exec(url.searchParams.get("filter") ?? "") ?? [];
      return [
        200,
        {
          endpoints: [...this.endpoints.values()].filter((each) => wanted === undefined || each.displayName === wanted),
        },
      ];
    }
    if (id === "") {
      const number = String(4000 + ++this.#count);
      const name = `${place}/endpoints/${number}`;
      return this.#begin(place, async () => {
        const dedicated = { dedicatedEndpointDns: `${number}.us-central1-1.prediction.vertexai.goog` };
        this.endpoints.set(number, {
          ...(body as Endpoint),
          name,
          deployedModels: [],
          trafficSplit: {},
          etag: "1",
          ...dedicated,
        });
        return { name };
      });
    }
    const endpoint = this.endpoints.get(id);
    if (endpoint === undefined) return problem(404, "NOT_FOUND", `Endpoint ${id} is not found.`);
    if (action === "deployModel") return this.#deploy(place, endpoint, body as DeployBody);
    if (action === "undeployModel") return this.#undeploy(place, endpoint, body as Undeploy);
    if (verb === "PATCH") return this.#patch(endpoint, url, body as Partial<Endpoint>);
    if (verb !== "DELETE") return [200, endpoint];
    if (endpoint.deployedModels.length > 0)
      return problem(400, "FAILED_PRECONDITION", `The Endpoint ${id} has deployed Models. Undeploy them first.`);
    return this.#begin(place, async () => {
      this.endpoints.delete(id);
      return {};
    });
  }

  #patch(endpoint: Endpoint, url: URL, body: Partial<Endpoint>): Answer {
    if (body.etag !== undefined && body.etag !== endpoint.etag) return problem(409, "ABORTED", "etag does not match");
    const camel = (name: string): string =>
      name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    const mask = (url.searchParams.get("updateMask") ?? "").split(",").map(camel);
    const split = body.trafficSplit;
    if (mask.includes("trafficSplit") && split !== undefined) {
      const wrong = splitProblem(
        split,
        endpoint.deployedModels.map(({ id }) => id),
      );
      if (wrong !== undefined) return problem(400, "INVALID_ARGUMENT", wrong);
      endpoint.trafficSplit = split;
    }
    if (mask.includes("labels")) endpoint.labels = body.labels ?? {};
    endpoint.etag = String(Number(endpoint.etag) + 1);
    return [200, endpoint];
  }

  #deploy(place: string, endpoint: Endpoint, body: DeployBody): Answer {
    const { deployedModel, trafficSplit } = body;
    const [, id = "", version] = /models\/([^@]+)(?:@(.+))?$/.exec(deployedModel.model) ?? [];
    const model = this.models.get(id)?.find((each) => version === undefined || each.versionId === version);
    if (model === undefined) return problem(404, "NOT_FOUND", `no model ${deployedModel.model}`);
    const { machineType } = deployedModel.dedicatedResources.machineSpec;
    if (!TYPES.includes(machineType))
      return problem(400, "INVALID_ARGUMENT", `Machine type "${machineType}" is not supported.`);
    const wrong = splitProblem(trafficSplit, ["0", ...endpoint.deployedModels.map((each) => each.id)]);
    if (wrong !== undefined) return problem(400, "INVALID_ARGUMENT", wrong);
    const deployedId = String(90_000 + ++this.#count);
    return this.#begin(place, async (cancelled) => {
      await new Promise((resolve) => setTimeout(resolve, this.deployMs));
      if (cancelled()) throw Object.assign(new Error("The operation was cancelled."), { code: 1 });
      await this.#run(deployedId, model, endpoint);
      const deployed = { ...deployedModel, id: deployedId, createTime: new Date().toISOString() };
      endpoint.deployedModels.push(deployed);
      endpoint.trafficSplit = Object.fromEntries(
        Object.entries(trafficSplit).map(([key, share]) => [key === "0" ? deployedId : key, share]),
      );
      endpoint.etag = String(Number(endpoint.etag) + 1);
      return { deployedModel: deployed };
    });
  }

  /** The container as Vertex AI runs it: told its routes and port; deployed once its health route answers. */
  async #run(id: string, { containerSpec, displayName }: Model, endpoint: Endpoint): Promise<void> {
    const { imageUri, ports, predictRoute = "/predict", healthRoute = "/health", env = [] } = containerSpec;
    const port = ports?.[0]?.containerPort ?? 8080;
    const name = `${this.#outside.name}-${randomBytes(3).toString("hex")}`;
    const told = {
      AIP_HTTP_PORT: String(port),
      AIP_HEALTH_ROUTE: healthRoute,
      AIP_PREDICT_ROUTE: predictRoute,
      AIP_MODE: "PREDICTION",
      AIP_DEPLOYED_MODEL_ID: id,
      AIP_ENDPOINT_ID: endpoint.name.split("/").pop() ?? "",
      ...Object.fromEntries(env.map(({ name: key, value }) => [key, value])),
    };
    const flags = Object.entries(told).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
    const image = await this.#artifacts.configOf(imageUri);
    await must(["docker", "run", "-d", "--name", name, "--network", this.#outside.name, ...flags, image]);
    const address = await addressOf(name);
    this.#containers.set(id, { name, url: `http://${address}:${port}` });
    const end = performance.now() + READY_MS;
    for (;;) {
      const ok = await fetch(`http://${address}:${port}${healthRoute}`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (ok) return;
      const running = await must(["docker", "inspect", name, "-f", "{{.State.Running}}"]);
      if (running === "false" || performance.now() > end) {
        await this.#end(id);
        const why = running === "false" ? "exited unexpectedly" : "never became ready within the deployment timeout";
        throw Object.assign(
          new Error(
            `Model server of ${displayName} ${why}. Model server logs can be found at https://console.cloud.google.com/logs/`,
          ),
          { code: 9 },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async #end(id: string): Promise<void> {
    const found = this.#containers.get(id);
    this.#containers.delete(id);
    if (found !== undefined) await must(["docker", "rm", "-f", "-v", found.name]);
  }

  #undeploy(place: string, endpoint: Endpoint, { deployedModelId, trafficSplit }: Undeploy): Answer {
    if (!endpoint.deployedModels.some(({ id }) => id === deployedModelId))
      return problem(404, "NOT_FOUND", `DeployedModel ${deployedModelId} is not found.`);
    const others = endpoint.deployedModels.filter(({ id }) => id !== deployedModelId);
    const split = trafficSplit ?? endpoint.trafficSplit;
    if ((split[deployedModelId] ?? 0) > 0 && others.length > 0)
      return problem(
        400,
        "FAILED_PRECONDITION",
        `DeployedModel ${deployedModelId} has traffic; give it to another first`,
      );
    return this.#begin(place, async () => {
      endpoint.deployedModels = others;
      endpoint.trafficSplit = { ...split };
      delete endpoint.trafficSplit[deployedModelId];
      endpoint.etag = String(Number(endpoint.etag) + 1);
      await this.#end(deployedModelId);
      return {};
    });
  }

  #begin(place: string, work: (cancelled: () => boolean) => Promise<unknown>): Answer {
    const id = String(++this.#count);
    const operation: Operation = { name: `${place}/operations/${id}`, done: false };
    this.#operations.set(id, operation);
    const ordered = this.nextError;
    this.nextError = undefined;
    void (async () => {
      try {
        if (ordered !== undefined) operation.error = ordered;
        else operation.response = await work(() => this.#cancelled.has(id));
      } catch (error) {
        const { code = 13, message } = error as { code?: number; message: string };
        operation.error = { code, message };
      }
      operation.done = true;
    })();
    return [200, { ...operation }];
  }

  /** Sends a prediction on to one of the containers, by the split. */
  async predict(id: string, body: string, type: string): Promise<Predicted> {
    const endpoint = this.endpoints.get(id);
    let dice = Math.random() * 100;
    const [chosen] = Object.entries(endpoint?.trafficSplit ?? {}).find(([, share]) => (dice -= share) < 0) ?? [];
    const container = this.#containers.get(chosen ?? "");
    if (endpoint === undefined || chosen === undefined || container === undefined)
      return {
        status: 400,
        headers: {},
        body: JSON.stringify({ error: { code: 400, message: "no model is deployed", status: "FAILED_PRECONDITION" } }),
      };
    const deployed = endpoint.deployedModels.find((each) => each.id === chosen);
    const [, modelId = "", version] = /models\/([^@]+)@(.+)$/.exec(deployed?.model ?? "") ?? [];
    const model = this.models.get(modelId)?.find((each) => each.versionId === version);
    const answer = await fetch(`${container.url}${model?.containerSpec.predictRoute ?? "/predict"}`, {
      method: "POST",
      headers: { "content-type": type },
      body,
    });
    const headers = { "x-vertex-ai-deployed-model-id": chosen, "x-vertex-ai-endpoint-id": id };
    return { status: answer.status, headers, body: await answer.text() };
  }

  /** What Cloud Logging has of an endpoint's containers, newest first. */
  async logs(id: string): Promise<{ timestamp: string; textPayload: string }[]> {
    const found = this.endpoints.get(id)?.deployedModels.flatMap((each) => this.#containers.get(each.id) ?? []) ?? [];
    const said = await Promise.all(found.map(({ name }) => must(["sh", "-c", `docker logs ${name} 2>&1`])));
    const lines = said.flatMap((text) => text.split("\n")).filter((line) => line !== "");
    return lines.toReversed().map((textPayload) => ({ timestamp: new Date().toISOString(), textPayload }));
  }
}

function splitProblem(split: Record<string, number>, ids: readonly string[]): string | undefined {
  const unknown = Object.keys(split).find((id) => !ids.includes(id));
  if (unknown !== undefined) return `traffic_split has ${unknown}, which is not deployed`;
  const sum = Object.values(split).reduce((all, share) => all + share, 0);
  return sum === 100 ? undefined : `traffic_split adds up to ${sum}, not 100`;
}
