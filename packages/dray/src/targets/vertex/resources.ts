import { Failure } from "../../base/failure.ts";
import type { Release } from "../../core/release.ts";
import type { Deployment } from "./deployment.ts";

/** How the manifest wants it run on Vertex AI. */
export interface VertexSettings {
  project?: string | undefined;
  region: string;
  machineType: string;
  minReplicas: number;
  maxReplicas: number;
  accelerator?: { type: string; count: number } | undefined;
  serviceAccount?: string | undefined;
  /** The route that a prediction is sent to; of the golden request, or `/decisions`, when left out. */
  route?: string | undefined;
  /** The release before stays deployed, for a rollback in seconds, and is paid for. */
  standby: boolean;
}

/** What is read of Vertex AI's resources (aiplatform/v1). */
export interface Endpoint {
  name: string;
  displayName: string;
  labels?: Record<string, string>;
  trafficSplit?: Record<string, number>;
  deployedModels?: DeployedModel[];
  dedicatedEndpointDns?: string;
  etag?: string;
}

export interface DeployedModel {
  id: string;
  model: string;
  modelVersionId?: string;
  /** The release's id. */
  displayName?: string;
  createTime?: string;
  dedicatedResources?: {
    machineSpec?: { machineType?: string };
    minReplicaCount?: number;
    maxReplicaCount?: number;
  };
}

/** One version of a model: a release. */
export interface Model {
  name: string;
  versionId: string;
  labels?: Record<string, string>;
  containerSpec?: { imageUri?: string };
  versionCreateTime?: string;
}

/** Marks what is ours: the service's name under it; and which release a model version is. */
export const LABEL = "drayage";
export const RELEASE = "drayage-release";
/** On the endpoint: who has the traffic, and who had it before. */
export const CURRENT = "drayage-current";
export const PREVIOUS = "drayage-previous";

/** Vertex AI gives the container this port when the image does not say another (AIP_HTTP_PORT). */
const DEFAULT_PORT = 8080;
const DEFAULT_ROUTE = "/decisions";

export function routeOf({ golden }: Pick<Deployment, "golden">, settings: VertexSettings): string {
  const first = golden.find(({ request }) => request.method === "POST");
  return settings.route ?? first?.request.path ?? DEFAULT_ROUTE;
}

/** The container as Vertex AI runs it: the image unchanged, told its routes. @throws Failure target.unsupported */
export function modelBody(order: Deployment, settings: VertexSettings, parent: string | undefined): object {
  const { release, image } = order;
  const { port = DEFAULT_PORT, ready = "/", env, secrets, limits, run } = release.settings;
  if (secrets.length > 0) {
    throw new Failure(
      "target.unsupported",
      "Vertex AI has no secrets for a container: its environment is plain to read",
      {
        hint: `vertex: {serviceAccount: ...} in the manifest, and let the API read ${secrets.join(", ")} from Secret Manager`,
      },
    );
  }
  refuseRunAs(release);
  const probe = { httpGet: { path: ready, port }, periodSeconds: 5, timeoutSeconds: 5 };
  return {
    // A version of the model that is there, or its first.
    ...(parent === undefined ? { modelId: release.service } : { parentModel: parent }),
    model: {
      displayName: release.service,
      versionAliases: [`r-${release.id}`],
      versionDescription: `${release.image}, by ${release.from.who}${release.from.commit === undefined ? "" : `, ${release.from.commit}`}`,
      labels: { [LABEL]: release.service, [RELEASE]: release.id },
      containerSpec: {
        imageUri: image,
        ...(run?.command === undefined ? {} : { command: run.command }),
        ...(run?.args === undefined ? {} : { args: run.args }),
        ports: [{ containerPort: port }],
        predictRoute: routeOf(order, settings),
        healthRoute: ready,
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
        deploymentTimeout: `${Math.round(limits.readyMs / 1000)}s`,
        startupProbe: { ...probe, failureThreshold: Math.max(1, Math.ceil(limits.readyMs / 5000)) },
      },
    },
  };
}

/** Of a container Vertex AI takes its program and its environment, and nothing else. @throws Failure target.unsupported */
/** What cannot be said as "a container with ...": the reason, and what to do. */
const REFUSED: Record<string, readonly [why: string, hint: string]> = {
  healthcheck: [
    "Vertex AI asks a route of the API, and not the image's HEALTHCHECK",
    "name the route that says when it is ready: ready: /health",
  ],
  before: ["Vertex AI runs nothing before a model", "run it by hand before the deploy, and leave before: out"],
  with: ["Vertex AI runs a model's container, and none beside it", "leave with: out, or deploy to a machine"],
};

function refuseRunAs({ settings: { run = {} } }: Release): void {
  const { command: _command, args: _args, ...rest } = run;
  const [first] = Object.keys(rest);
  if (first === undefined) return;
  const [why, fix] = REFUSED[first] ?? [];
  if (why !== undefined) throw new Failure("target.unsupported", why, fix === undefined ? {} : { hint: fix });
  throw new Failure("target.unsupported", `Vertex AI cannot run a container with ${first}`, {
    hint: `leave ${first}: out of the manifest, or deploy to a machine`,
  });
}

export function endpointBody(service: string, timeoutMs: number): object {
  return {
    displayName: service,
    labels: { [LABEL]: service },
    // An address of its own: 10 MB a request and up to an hour, where the shared one has 1.5 MB and a minute.
    dedicatedEndpointEnabled: true,
    clientConnectionConfig: { inferenceTimeout: `${Math.round(timeoutMs / 1000)}s` },
  };
}

export function deployBody(
  order: Deployment,
  settings: VertexSettings,
  model: string,
  trafficSplit: Record<string, number>,
): object {
  const { machineType, minReplicas, maxReplicas, accelerator, serviceAccount } = settings;
  return {
    deployedModel: {
      model,
      displayName: order.release.id,
      dedicatedResources: {
        machineSpec: {
          machineType,
          ...(accelerator === undefined
            ? {}
            : { acceleratorType: accelerator.type, acceleratorCount: accelerator.count }),
        },
        minReplicaCount: minReplicas,
        maxReplicaCount: maxReplicas,
      },
      enableAccessLogging: true,
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    },
    trafficSplit,
  };
}

/** Where clients call an endpoint. */
export function urlOf({ name, dedicatedEndpointDns }: Endpoint, region: string): string {
  return `https://${dedicatedEndpointDns ?? `${region}-aiplatform.googleapis.com`}/v1/${name}:rawPredict`;
}
