import * as z from "zod";
import { besideKeys } from "./beside.ts";
import { containerKeys } from "./container.ts";
import { corsKey } from "./cors.ts";
import { environmentsKey } from "./environments.ts";
import { hooksKey } from "./hooks.ts";
import {
  alerts,
  build,
  callerKey,
  callerList,
  containerSecret,
  domain,
  host,
  limits,
  machine,
  name,
  path,
  port,
  prefix,
  registry,
  requests,
  rollout,
  route,
  secretName,
  serviceName,
  tls,
} from "./parts.ts";
import { machinesKey } from "./machines.ts";
import { otel } from "./otel.ts";
import { protocol, protocolProblems } from "./protocol.ts";
import { ready } from "./ready.ts";
import type { TargetPart } from "./target-part.ts";
import { companionKeys, unknownSecrets } from "./with.ts";
import { duration, rate, rates } from "./units.ts";
import { weightsKey } from "./weights.ts";

const service = serviceName.describe("Name of the endpoint.");

/** What every target's manifest may say. Every field has a description: docs/manifest.md and dray.schema.json are made from it. */
const FIELDS = {
  machine: machine.optional().describe("The one machine it runs on."),
  machines: machinesKey
    .optional()
    .describe(
      "Several machines: each gets the release. By name, or as a list of what `ssh` understands, named by their hosts.",
    ),
  atOnce: z.number().int().positive().default(8).describe("How many machines are changed side by side."),
  image: z
    .string()
    .optional()
    .describe(
      "Image on this computer, or one that the machine pulls with this computer's login: of `docker login`, gcloud, aws.",
    ),
  registry: registry
    .optional()
    .describe(
      "Put images into this registry and let machines pull them from there, instead of carrying them over ssh: `LOCATION-docker.pkg.dev/PROJECT/REPOSITORY`.",
    ),
  build: build.optional().describe("Build the image from a Dockerfile."),
  model: z.string().optional().describe("An .onnx file: Drayage makes the API and the image."),
  schema: z
    .string()
    .optional()
    .describe(
      "File that describes features and labels where the model does not; schema.yaml beside the model when it is there.",
    ),
  route: path.optional().describe("Route of the model's decisions; `/decisions` when left out."),
  base: z
    .string()
    .optional()
    .describe(
      "Image under a model's server, with Node in /usr/local/bin/node, fetched from its registry; when left out, Node's own build on Debian's libraries, put together here.",
    ),
  port: port
    .optional()
    .describe(
      "Port the API listens on inside its container; found when left out: the only one, or the one that answers the golden request.",
    ),
  protocol,
  streams: z
    .boolean()
    .default(false)
    .describe(
      "Answers may be streams of events (`text/event-stream`) whose first bytes count, as a language model's first token does. For metrics, alerts and canaries the model's time ends with them. The head of such an answer waits for its first bytes; nothing behind it waits.",
    ),
  ready,
  golden: z
    .string()
    .optional()
    .describe(
      "File with golden requests; golden.json beside the manifest when it is there. A request carries `body` (JSON), `text`, `file` (with the content type of its name, or that of `headers`) or `form` (multipart: `{width: 64, image: {file: cat.jpg}}`). An answer is compared by `status` and by `body` (JSON), `text`, `type` and `sha256`, or, of a language model, `completion` (`{finish: stop, length: {min: 5, max: 200}, matches: Paris}`). Without one, `dray deploy`, `dray trace` and `dray request` send one POST that the API's own /openapi.json calls a prediction (/predict, /decisions, /score, ...), with its example or a body that fits its schema. A server that speaks the OpenAI routes is known by /v1/models, and asked a short completion.",
    ),
  replicas: z.number().int().min(1).max(64).default(1).describe("Containers of the release on each machine."),
  limits: limits.prefault({}).describe("Limits of one replica and of one request."),
  ...containerKeys,
  ...besideKeys,
  weights: weightsKey,
  ...companionKeys,
  metadata: z
    .boolean()
    .default(false)
    .describe(
      "The container may ask its cloud's metadata server (169.254.169.254), where the machine's own login lies; blocked when left out.",
    ),
  env: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String))
    .default({})
    .describe("Environment of the container."),
  secrets: z
    .union([
      z
        .array(secretName)
        .transform((names) => Object.fromEntries(names.map((each) => [each, { env: each, as: "env" as const }]))),
      z.record(secretName, containerSecret),
    ])
    .default({})
    .describe(
      "Values for the container alone, as environment variables and as files in /run/secrets. Either a list of this computer's variables, or sources by name: `{env: NAME}`, `{file: PATH}`, `{command: [op, read, ...]}`, or `{machine: true}` for a value that `dray secrets set` left on the machine. With `as: file`, only the file. A file's content arrives byte for byte, its last line break included; a command's output loses its last line break.",
    ),
  domain: domain.optional().describe("Host name the service answers to; without it, it answers to any."),
  host: host
    .optional()
    .describe(
      "Name that our own probes and golden requests carry (Host), where clients call the API by another one than `domain`; without either it is the machine's address.",
    ),
  prefix: prefix
    .optional()
    .describe(
      "Path under which the service answers, for several on one name or machine; the API itself sees its own paths, and the prefix as x-forwarded-prefix.",
    ),
  tls: tls
    .optional()
    .describe(
      "HTTPS: by itself where there is a `domain`, or a public address; `off`, or which CA and whose certificate.",
    ),
  keys: z
    .union([z.literal("off"), callerList, z.record(name, callerKey)])
    .optional()
    .describe(
      "Callers that have a key, by name: `{sha256: HASH}` of one that `dray init` made, or its value from `{env: NAME}`, `{file: PATH}`, `{command: [...]}`; a list of variables is short for the second. Only hashes reach the machine. With `keys` the service is closed, also when none is left; `off`: anybody may call.",
    ),
  open: z
    .array(z.union([route, z.strictObject({ post: route })]))
    .default(["/", "/docs", "/docs/*", "/openapi.json", "/health", "/health/*"])
    .describe(
      "Paths that need no key to be read (GET and HEAD, no WebSocket); `{post: PATH}` one to post to; `*` at the end means everything below.",
    ),
  timeouts: z
    .record(route, duration)
    .optional()
    .describe(
      "Longest waits for an answer, by path, where `limits.timeout` does not fit: `{/batch: 10m}`; `*` at the end means everything below.",
    ),
  once: z
    .array(route)
    .optional()
    .describe(
      "Paths with effects, whose requests the API gets at most once. When a replica dies over one, the caller gets 502; requests to other paths are sent again. `*` at the end means everything below.",
    ),
  rate: z
    .union([rate, rates])
    .optional()
    .describe(
      "Most requests of one key, or where there are none of one address: `100/s`, `1000/m`. Of a language model also tokens, asked and answered together, as its answers count them: `50000 tokens/m`. Both: `[10/s, 50000 tokens/m]`.",
    ),
  cors: corsKey,
  rollout: rollout.prefault({}).describe("How a new release gets the traffic, and what takes it back."),
  requests: requests.optional().describe("Keep a sample of what comes in and what was answered, on the machine."),
  otel: otel.optional().describe("Traces of OpenTelemetry: which collector is told of requests, and of how many."),
  alerts: alerts.optional().describe("Alerts, sent by the machine itself, also when this computer is off."),
  on: hooksKey,
  environments: environmentsKey,
  keep: z.number().int().min(1).max(50).default(5).describe("Releases kept on a machine for rollback."),
  edge: z
    .strictObject({
      port: port.default(80).describe("Port the edge listens on."),
      https: port.default(443).describe("Port of HTTPS."),
      image: z
        .string()
        .optional()
        .describe("HAProxy image of the edge; from this computer's engine, else pulled by the machine."),
    })
    .prefault({})
    .describe("The reverse proxy in front of the service."),
};

/** The shape of dray.yaml, for the targets that there are; the first of them is meant where none is named. */
export function manifestSchemaOf(parts: readonly TargetPart[]): ManifestSchema {
  const kinds = parts.map(({ kind }) => kind);
  const target = z
    .enum(kinds)
    .default(kinds[0] ?? "")
    .describe(`Where it runs: ${parts.map(({ title }) => title).join(", or ")}.`);
  const options = Object.fromEntries(
    parts.flatMap((part) => (part.options === undefined ? [] : [[part.kind, part.options]])),
  );
  return z.strictObject({ service, target, ...options, ...FIELDS }).superRefine((manifest, context) => {
    const say = (at: string[], message: string): void => context.addIssue({ code: "custom", path: at, message });
    const part = parts.find(({ kind }) => kind === manifest.target);
    for (const problem of part?.problems?.(manifest) ?? []) say([], problem);
    if (manifest.machine !== undefined && manifest.machines !== undefined)
      say(["machines"], "either machine or machines, not both");
    if (manifest.machines !== undefined && Object.keys(manifest.machines).length === 0)
      say(["machines"], "name at least one machine");
    for (const { at, message } of protocolProblems(manifest)) say(at, message);
    const sources = (["image", "build", "model"] as const).filter((key) => manifest[key] !== undefined);
    if (sources.length > 1) say([sources[1] ?? ""], `either ${sources[0]} or ${sources[1]}, not both`);
    for (const key of ["schema", "route", "base"] as const) {
      if (manifest[key] !== undefined && manifest.model === undefined) say([key], `${key} goes with model`);
    }
    if (
      typeof manifest.tls === "object" &&
      (manifest.tls.certificate === undefined) !== (manifest.tls.key === undefined)
    )
      say(["tls"], "certificate and key go together");
    if (manifest.rollout.order === "stop-first" && manifest.rollout.shadow !== undefined)
      say(["rollout", "shadow"], "a shadow needs the old release beside it: not with order: stop-first");
    if (manifest.rollout.order === "stop-first" && manifest.rollout.canary.length > 0)
      say(["rollout", "canary"], "a canary needs the old release beside it: not with order: stop-first");
    for (const { at, message } of unknownSecrets(manifest)) say(at, message);
    const seen = new Map<string, string>();
    for (const [called, where] of Object.entries(manifest.machines ?? {})) {
      const first = seen.get(where);
      if (first !== undefined) say(["machines", called], `this is the same machine as ${first}`);
      seen.set(where, called);
    }
  });
}

// Only its type is of use: the enum stands for whatever kinds the catalogue has.
const base = z.strictObject({ service, target: z.enum([""] as string[]).default(""), ...FIELDS });
export type ManifestSchema = typeof base;

export type ManifestText = z.infer<typeof base>;

/** What the user wrote, checked and with defaults; paths are absolute. */
export interface Manifest extends ManifestText {
  /** The options of each target, by its kind. */
  parts: Readonly<Record<string, unknown>>;
  /** Folder that relative paths start from. */
  folder: string;
  /** The manifest's own file, when there is one. */
  file?: string;
  /** Which of the file's environments is meant, where it has any. */
  environment?: string;
}
