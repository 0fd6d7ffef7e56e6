import * as z from "zod";
import { bytes, duration, factor, percent, rate } from "./units.ts";

const NAME = /^[a-z][a-z0-9-]{0,39}$/;
const name = z
  .string()
  .regex(NAME, "expected lower-case letters, digits and dashes, beginning with a letter, at most 40");
/** A variable's name, in POSIX shells. */
const secretName = z.string().regex(/^[A-Za-z_]\w*$/, "expected letters, digits and _, not beginning with a digit");
const path = z.string().startsWith("/", 'expected a path beginning with "/"');
/** RFC 1123 names: it becomes a line of the edge's configuration and a file's name. */
const domain = z
  .string()
  .max(253)
  .regex(
    /^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+$/,
    "expected a host name such as api.example.com, in lower-case letters",
  );
/** A path that the edge matches, RFC 3986's characters only; `*` at the end. */
const route = z.string().regex(/^\/[\w.~%!+=:@/-]*\*?$/, "expected a path such as /docs or /docs/*");
const port = z.number().int().min(1).max(65_535);

const machine = z
  .string()
  .min(1)
  .describe("Anything `ssh` understands (user@host, a Host of ~/.ssh/config, ssh://user@host:2222), or `local`.");

const build = z.union([
  z.string().describe("Folder with the Dockerfile."),
  z.strictObject({
    context: z.string().default(".").describe("Folder that is sent to the builder."),
    dockerfile: z.string().optional().describe("Dockerfile, when it is not called so."),
    args: z.record(z.string(), z.string()).optional().describe("Build arguments; never secrets."),
  }),
]);

const limits = z.strictObject({
  memory: bytes.optional().describe("Memory of one replica (512MiB, 1GiB); above it the kernel ends the replica."),
  cpus: z.number().positive().optional().describe("Cores of one replica; fractions are fine."),
  gpus: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("NVIDIA GPUs of one replica; the machine needs NVIDIA's container toolkit."),
  concurrency: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("Requests a replica is given at once; the others wait in the edge."),
  queue: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      "Requests that may wait in the edge where `concurrency` is set (64), and rows in a model's server (1024); more get 429.",
    ),
  body: bytes
    .optional()
    .describe("Largest body of a request, in the edge and in a model's server (10MB there); a larger one gets 413."),
  timeout: duration.default(60_000).describe("Longest wait for an answer (60s)."),
  ready: duration.default(60_000).describe("Longest wait for a new replica to become ready (60s)."),
  drain: duration.default(600_000).describe("Longest time the replaced release may take to finish its requests (10m)."),
});

const secretSource = z.union([
  z.strictObject({ env: z.string() }),
  z.strictObject({ file: z.string() }),
  z.strictObject({ command: z.array(z.string()).min(1) }),
]);
/** How the container gets a secret: as an environment variable, or only as a file in /run/secrets. */
const as = z.enum(["env", "file"]).default("env");
const containerSecret = z.union([
  z.strictObject({ env: z.string(), as }),
  z.strictObject({ file: z.string(), as }),
  z.strictObject({ command: z.array(z.string()).min(1), as }),
  z.strictObject({ machine: z.literal(true), as }),
]);
/** Where a secret's value comes from, on this computer. */
export type SecretSource = z.infer<typeof secretSource>;

const requests = z.strictObject({
  share: z.number().positive().max(100).default(5).describe("Share of the requests that is kept, in percent."),
  mask: z.array(z.string()).default([]).describe("Names of fields whose values are not kept, however deep they are."),
  maxBytes: bytes.default(100_000_000).describe("Room for them on the machine (100MB); the oldest go first."),
  baseline: z
    .string()
    .optional()
    .describe("File of what the model was trained on (.csv or .jsonl), which `dray drift` compares with."),
});

const mail = z.strictObject({
  to: z.email(),
  from: z.email(),
  host: z.string().describe("The mail server (SMTP)."),
  port: port.default(587),
  user: z.string().optional(),
  password: secretSource.optional(),
});

const alerts = z
  .strictObject({
    webhook: z
      .union([z.url(), z.strictObject({ env: z.string() })])
      .optional()
      .describe("Where to POST what went wrong, as JSON that Slack takes, too: a URL, or `{env: NAME}` that holds it."),
    email: mail.optional().describe("By mail: `{to, from, host, port, user, password}`."),
    errors: percent.default(0.05).describe("Share of failed answers of the last five minutes from which on (5%)."),
    p95: duration.optional().describe("p95 of the last five minutes from which on."),
    disk: percent.default(0.9).describe("Share of the disk in use from which on (90%)."),
    certificateDays: z
      .number()
      .positive()
      .default(7)
      .describe("How long before its end a certificate that cannot be renewed is told of, in days (7)."),
  })
  .refine((each) => each.webhook !== undefined || each.email !== undefined, "name a webhook or an email");

const tls = z.union([
  z.literal("off"),
  z.strictObject({
    acme: z
      .union([z.url(), z.enum(["letsencrypt", "staging"])])
      .default("letsencrypt")
      .describe("The CA: `letsencrypt`, its `staging`, or an ACME directory."),
    email: z.email().optional().describe("Where the CA writes when something is wrong with the account."),
    ca: z.string().optional().describe("PEM file of the CA that signs the directory's own certificate."),
    certificate: z.string().optional().describe("Your own certificate with its chain: a PEM file."),
    key: secretSource.optional().describe("Its private key, PEM: `{file: PATH}`, `{env: NAME}`, `{command: [...]}`."),
  }),
]);

const shadow = z.strictObject({
  share: z.number().positive().max(100).default(20).describe("Share of the requests that is copied, in percent."),
  for: duration.default(60_000).describe("How long (60s)."),
  minAgreement: percent
    .default(0.99)
    .describe("Share of the answers that must agree with the live ones (99%); fewer, and the release is taken back."),
  tolerance: z.number().nonnegative().default(1e-6).describe("Difference of two numbers that is none, relative."),
  minimum: z.number().int().min(1).default(20).describe("Answers that are needed to judge."),
});

const rollout = z.strictObject({
  order: z
    .enum(["start-first", "stop-first"])
    .default("start-first")
    .describe(
      "`stop-first` where old and new do not fit on a machine together: nobody serves while the new one starts.",
    ),
  shadow: shadow
    .optional()
    .describe("Copies of real requests for the new release before it answers any; their answers are thrown away."),
  canary: z
    .array(z.number().min(1).max(99))
    .default([])
    .refine(
      (steps) => steps.every((step, index) => step > (steps[index - 1] ?? 0)),
      "each step must be larger than the one before",
    )
    .describe("Shares of the traffic, in percent, that the new release gets before it gets all of it."),
  every: duration.default(60_000).describe("How long each share is watched (60s)."),
  maxErrors: percent
    .default(0.01)
    .describe(
      "Share of failed answers that is allowed whatever the old release does (1%); more, and the old release gets the traffic back.",
    ),
  maxP95: factor.default(1.5).describe("How many times the old release's p95 the new one's may be (1.5x)."),
  minimum: z
    .number()
    .int()
    .min(10)
    .default(50)
    .describe(
      "Answers of a share's window that are needed to judge it; where traffic is thinner, golden requests fill in.",
    ),
  bake: duration
    .optional()
    .describe("How long the new release is watched with all of the traffic before the old one is retired."),
});

/** The shape of dray.yaml. Every field has a description: docs/manifest.md and dray.schema.json are made from it. */
export const manifestSchema = z
  .strictObject({
    service: name.describe("Name of the endpoint."),
    machine: machine.optional().describe("The one machine it runs on."),
    machines: z.record(name, machine).optional().describe("Several machines, by name: each gets the release."),
    atOnce: z.number().int().positive().default(8).describe("How many machines are changed side by side."),
    image: z.string().optional().describe("Image on this computer, or one that the machine can pull."),
    build: build.optional().describe("Build the image from a Dockerfile."),
    model: z.string().optional().describe("An .onnx file: Drayage makes the API and the image."),
    schema: z
      .string()
      .optional()
      .describe(
        "What the model file does not say about its features and labels; schema.yaml beside the model when it is there.",
      ),
    route: path.optional().describe("Route of the model's decisions; `/decisions` when left out."),
    base: z
      .string()
      .optional()
      .describe(
        "Image under a model's server, with Node in /usr/local/bin/node, fetched from its registry; made from this computer's own Node when left out.",
      ),
    port: port.optional().describe("Port the API listens on inside its container; found when left out."),
    ready: path
      .optional()
      .describe(
        "Path that answers 2xx or 3xx when the API is ready; `/` when left out (then any answer below 500 will do).",
      ),
    golden: z
      .string()
      .optional()
      .describe("File with golden requests; golden.json beside the manifest when it is there."),
    replicas: z.number().int().min(1).max(64).default(1).describe("Containers of the release on each machine."),
    limits: limits.prefault({}).describe("Limits of one replica and of one request."),
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
        "What the container gets and nobody else sees, as environment variables and files in /run/secrets: names of variables of this computer, or by name `{env: NAME}`, `{file: PATH}`, `{command: [op, read, ...]}`, `{machine: true}` for what `dray secrets set` left on the machine; with `as: file` only the file.",
      ),
    domain: domain.optional().describe("Host name the service answers to; without it, it answers to any."),
    tls: tls
      .optional()
      .describe(
        "HTTPS: by itself where there is a `domain`, or a public address; `off`, or which CA and whose certificate.",
      ),
    keys: z
      .union([
        z.array(z.string()).transform((names) => Object.fromEntries(names.map((each) => [each, { env: each }]))),
        z.record(name, secretSource),
      ])
      .optional()
      .describe(
        "Who may call: a key for each caller, by name, from `{env: NAME}`, `{file: PATH}`, `{command: [...]}`; only hashes reach the machine.",
      ),
    open: z
      .array(route)
      .default(["/", "/docs", "/docs/*", "/openapi.json", "/health", "/health/*"])
      .describe("Paths that need no key; `*` at the end means everything below."),
    timeouts: z
      .record(route, duration)
      .optional()
      .describe(
        "Longest waits for an answer, by path, where `limits.timeout` does not fit: `{/batch: 10m}`; `*` at the end means everything below.",
      ),
    rate: rate
      .optional()
      .describe("Most requests of one key, or where there are none of one address: `100/s`, `1000/m`."),
    rollout: rollout.prefault({}).describe("How a new release gets the traffic, and what takes it back."),
    requests: requests.optional().describe("Keep a sample of what comes in and what was answered, on the machine."),
    alerts: alerts.optional().describe("Whom to tell of what, also when this computer is off."),
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
  })
  .superRefine((manifest, context) => {
    const say = (at: string[], message: string): void => context.addIssue({ code: "custom", path: at, message });
    if (manifest.machine === undefined && manifest.machines === undefined)
      say([], 'name a machine: "machine: user@host"');
    if (manifest.machine !== undefined && manifest.machines !== undefined)
      say(["machines"], "either machine or machines, not both");
    if (manifest.machines !== undefined && Object.keys(manifest.machines).length === 0)
      say(["machines"], "name at least one machine");
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
    const seen = new Map<string, string>();
    for (const [called, where] of Object.entries(manifest.machines ?? {})) {
      const first = seen.get(where);
      if (first !== undefined) say(["machines", called], `this is the same machine as ${first}`);
      seen.set(where, called);
    }
  });

export type ManifestText = z.infer<typeof manifestSchema>;

/** What the user wrote, checked and with defaults; paths are absolute. */
export interface Manifest extends ManifestText {
  /** Folder that relative paths start from. */
  folder: string;
  /** The manifest's own file, when there is one. */
  file?: string;
}
