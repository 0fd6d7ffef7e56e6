import * as z from "zod";
import { bytes, duration, factor, percent } from "./units.ts";

/** What Docker takes as part of an image's name, too: there a dash stands between two others. */
const NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
export const name = z
  .string()
  .regex(
    NAME,
    "expected lower-case letters, digits and dashes, beginning with a letter and not ending with a dash, at most 40",
  );
/** A variable's name, in POSIX shells. */
export const secretName = z
  .string()
  .regex(/^[A-Za-z_]\w*$/, "expected letters, digits and _, not beginning with a digit");
export const path = z.string().startsWith("/", 'expected a path beginning with "/"');
/** RFC 1123 names: it becomes a line of the edge's configuration and a file's name. */
export const domain = z
  .string()
  .max(253)
  .regex(
    /^(?!-)[a-z0-9-]{1,63}(\.(?!-)[a-z0-9-]{1,63})+$/,
    "expected a host name such as api.example.com, in lower-case letters",
  );
/** A name or an address as a Host header says it, with a port where there is one: it becomes a header of our requests. */
export const host = z
  .string()
  .max(260)
  .regex(
    /^([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:\d{1,5})?$/i,
    "expected what a Host header says, such as api.example.com or localhost:8080",
  );
/** A path that the edge matches, RFC 3986's characters only; `*` at the end. */
export const route = z
  .string()
  .regex(/^\/([\w.~%!+=:@/-]*|([\w.~%!+=:@/-]*\/)?\*)$/, "expected a path such as /docs, or /docs/* for all below it");
/** Where a service begins on its host: it becomes a line of the edge's configuration, and part of a regular expression. */
export const prefix = z
  .string()
  .regex(/^(\/[\w~-][\w.~-]*)+$/, "expected a path such as /loans, without a slash at its end");
export const port = z.number().int().min(1).max(65_535);
/** Containers, images and volumes of ours are called so; and what every object of JavaScript has. */
const RESERVED = new Set(["edge", "keeper", "warden", "setup", "constructor"]);
/** A service's own name. */
export const serviceName = name.refine((each) => !RESERVED.has(each), {
  error: "expected another name: this one is used by Drayage itself",
});

/** What ssh takes as a destination: it must not look like an option, which could run programs on this computer. */
export const machine = z
  .string()
  .regex(/^(?!-)(?!.*@-)[^\s\p{Cc}]+$/u, "expected user@host, a Host of ~/.ssh/config, or ssh://user@host:2222")
  .describe("Anything `ssh` understands (user@host, a Host of ~/.ssh/config, ssh://user@host:2222), or `local`.");

export const build = z.union([
  z.string().describe("Folder with the Dockerfile."),
  z.strictObject({
    context: z.string().default(".").describe("Folder that is sent to the builder."),
    dockerfile: z.string().optional().describe("Path of the Dockerfile, if it is not `Dockerfile`."),
    args: z.record(z.string(), z.string()).optional().describe("Build arguments; never secrets."),
    target: z.string().optional().describe("Stage of the Dockerfile, when it is not the last one."),
  }),
]);

export const limits = z.strictObject({
  memory: bytes.optional().describe("Memory of one replica (512MiB, 1GiB); above it the kernel ends the replica."),
  cpus: z.number().positive().optional().describe("Cores of one replica; fractions are fine."),
  gpus: z
    .number()
    .int()
    .positive()
    .optional()
    .describe("NVIDIA GPUs of one replica; the machine needs NVIDIA's container toolkit."),
  shm: bytes
    .default(1024 ** 3)
    .describe(
      "Most that /dev/shm may hold (1GiB), for programs that share memory; it counts as memory of the replica.",
    ),
  pids: z.number().int().positive().default(4096).describe("Processes and threads of one replica (4096)."),
  nofile: z.number().int().positive().optional().describe("Open files of one process; the engine's own when left out."),
  disk: bytes
    .optional()
    .describe(
      "Space that one replica may fill with its own files; the engine must keep them on xfs mounted with pquota, or the deploy is refused.",
    ),
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
    .describe(
      "Largest body of a request, in the edge and in a model's server (10MB there). A larger one gets 413. A chunked one that does not fit into 48 kB with its headers gets 411: it must say its length.",
    ),
  timeout: duration.default(60_000).describe("Longest wait for an answer (60s)."),
  ready: duration.default(60_000).describe("Longest wait for a new replica to become ready (60s)."),
  drain: duration.default(600_000).describe("Longest time the replaced release may take to finish its requests (10m)."),
});

export const secretSource = z.union([
  z.strictObject({ env: z.string() }),
  z.strictObject({ file: z.string() }),
  z.strictObject({ command: z.array(z.string()).min(1) }),
]);
/** A caller's key: from this computer, or only its SHA-256, which may be read by anybody. */
export const callerKey = z.union([
  ...secretSource.options,
  z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 in hex, of a key made at random") }),
]);
export type CallerKey = z.infer<typeof callerKey>;

/** A caller's name, made of the variable that holds its key: PARTNER_KEY is partner-key. */
export function callerNameOf(variable: string): string {
  return variable.toLowerCase().replaceAll("_", "-").replace(/^-+/, "");
}

/** Keys as a list of variables. */
export const callerList = z.array(secretName).transform((variables, context) => {
  const named = variables.map((each): [string, CallerKey] => [callerNameOf(each), { env: each }]);
  const bad = named.find(([each], index) => !NAME.test(each) || named.findIndex(([other]) => other === each) < index);
  if (bad !== undefined)
    context.addIssue({
      code: "custom",
      message: `no caller can be called ${bad[0]}, or two are; name them: {NAME: {env: VARIABLE}}`,
    });
  return Object.fromEntries(named);
});

/** How the container gets a secret: as an environment variable, or only as a file in /run/secrets. */
const as = z.enum(["env", "file"]).default("env");
export const containerSecret = z.union([
  z.strictObject({ env: z.string(), as }),
  z.strictObject({ file: z.string(), as }),
  z.strictObject({ command: z.array(z.string()).min(1), as }),
  z.strictObject({ machine: z.literal(true), as }),
]);
/** Where a secret's value comes from, on this computer. */
export type SecretSource = z.infer<typeof secretSource>;

export const requests = z.strictObject({
  share: z.number().positive().max(100).default(5).describe("Share of the requests that is kept, in percent."),
  mask: z
    .array(z.string())
    .default([])
    .describe(
      "Names of fields whose values are not kept, however deep they are and whatever their case; with a mask, rows without names are not kept either.",
    ),
  only: z
    .array(z.string())
    .optional()
    .describe("Names of the only fields whose values are kept: what nobody thought of is masked, too."),
  maxBytes: bytes.default(100_000_000).describe("Room for them on the machine (100MB); the oldest go first."),
  days: z.number().positive().max(3650).default(30).describe("How long they are kept at most, in days (30)."),
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

export const alerts = z
  .strictObject({
    webhook: z
      .union([z.url(), z.strictObject({ env: z.string() })])
      .optional()
      .describe("URL that gets each alert as JSON, in a form that Slack takes, too; or `{env: NAME}` that holds it."),
    email: mail.optional().describe("By mail: `{to, from, host, port, user, password}`."),
    errors: percent
      .default(0.05)
      .describe("Alert when more than this share of the answers of the last five minutes failed (5%)."),
    p95: duration.optional().describe("Alert when the p95 of the last five minutes exceeds this time."),
    disk: percent.default(0.9).describe("Alert when disk usage exceeds this share (90%)."),
    certificateDays: z
      .number()
      .positive()
      .default(7)
      .describe("Alert this many days before a certificate ends that cannot be renewed (7)."),
  })
  .refine((each) => each.webhook !== undefined || each.email !== undefined, "name a webhook or an email");

export const registry = z.union([
  z.string().min(1),
  z
    .strictObject({
      at: z.string().min(1).describe("The registry and the folder in it."),
      user: z.string().optional().describe("User that logs in; when left out, the login that this computer has."),
      password: secretSource.optional().describe("`{env: NAME}`, `{file: PATH}`, `{command: [...]}`."),
    })
    .refine((each) => (each.user === undefined) === (each.password === undefined), "user and password go together"),
]);

export const tls = z.union([
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
  tolerance: z.number().nonnegative().default(1e-6).describe("Numbers closer than this (relative) count as equal."),
  minimum: z.number().int().min(1).default(20).describe("Answers that are needed to judge."),
});

export const rollout = z.strictObject({
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
      "Answers that are needed to judge a share; with too little traffic, golden requests are sent to both releases.",
    ),
  bake: duration
    .optional()
    .describe("How long the new release is watched with all of the traffic before the old one is retired."),
});
