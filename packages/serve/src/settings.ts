import { parseArgs } from "node:util";
import * as z from "zod";
import { roomFor, workersFor } from "./workers.ts";

/** What serve.json (written by the recipe) and the command line may say. */
const settings = z.strictObject({
  service: z.string().default("model"),
  release: z.string().default("dev"),
  model: z.string().default("model.onnx"),
  schema: z.string().optional(),
  golden: z.string().optional(),
  /** A file with one row, as it would be sent. */
  example: z.string().optional(),
  route: z.string().startsWith("/").default("/decisions"),
  host: z.string().default("0.0.0.0"),
  port: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** Processes; 0: one for each core this container may use, as far as its memory has room for so many. */
  workers: z.coerce.number().int().min(0).default(0),
  /** Of the model's file and its weights, in bytes; 0: not known. */
  modelBytes: z.coerce.number().int().min(0).default(0),
  threads: z.coerce.number().int().min(1).default(1),
  gpu: z.coerce.boolean().default(false),
  batch: z.coerce.number().int().min(1).default(64),
  queue: z.coerce.number().int().min(1).default(1024),
  rows: z.coerce.number().int().min(1).default(1024),
  timeoutMs: z.coerce.number().int().min(1).default(60_000),
  body: z.coerce.number().int().min(1).default(10_000_000),
  log: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  /** Are rows that come as most clients send them read past node:http? */
  wire: z.enum(["fast", "standard"]).default("fast"),
  watch: z.boolean().default(false),
});

export type Settings = z.infer<typeof settings>;

const USAGE = `dray-serve [serve|inspect|weights] --model model.onnx [--schema schema.yaml] [--golden golden.json] [--example row.json] [--port 8080]
  --service NAME --release ID --route /decisions --workers N (0: one per core, as memory allows) --threads N
  --batch ROWS --queue ROWS --rows ROWS --timeoutMs MS --body BYTES --log LEVEL --config serve.json --watch
  --wire fast|standard (standard: every request is read by node:http; DRAY_WIRE says the same)`;

/** Command line over environment over file. @throws Error that says what is wrong */
export function readSettings(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  readFile: (file: string) => string,
): Settings {
  const names = Object.keys(settings.shape);
  const options = Object.fromEntries(
    [...names, "config"].map((name) => [
      name,
      { type: name === "watch" || name === "gpu" ? "boolean" : "string" } as const,
    ]),
  );
  // SageMaker starts a container with the one argument `serve`.
  const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
  const stranger = positionals.find((word) => !["serve", "inspect", "weights"].includes(word));
  if (stranger !== undefined) throw new Error(`unknown command ${stranger}\n${USAGE}`);
  const file = typeof values["config"] === "string" ? (JSON.parse(readFile(values["config"])) as object) : {};
  const { config: _config, ...flags } = values;
  const port = env["AIP_HTTP_PORT"] ?? env["PORT"];
  const fromEnv = {
    ...(port === undefined ? {} : { port }),
    ...(env["DRAY_RELEASE"] === undefined ? {} : { release: env["DRAY_RELEASE"] }),
    ...(env["DRAY_WIRE"] === undefined ? {} : { wire: env["DRAY_WIRE"] }),
    ...(env["DRAY_SERVICE"] === undefined ? {} : { service: env["DRAY_SERVICE"] }),
  };
  const result = settings.safeParse({ ...file, ...fromEnv, ...flags });
  if (result.success) {
    const { workers, modelBytes } = result.data;
    return { ...result.data, workers: workers === 0 ? workersFor(roomFor(modelBytes)) : workers };
  }
  const [issue] = result.error.issues;
  throw new Error(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}\n${USAGE}`);
}
