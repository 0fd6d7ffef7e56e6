import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { askServer } from "../../recipes/ask-server.ts";
import { modelFiles } from "../../recipes/model-files.ts";
import { findServer, serverScript } from "../../recipes/serve-runtime.ts";

/** What a model turned out to be when the server loaded it and asked it once. */
export interface ModelFacts {
  digest: string;
  /** Of its file and its weights. */
  bytes: number;
  producer: string;
  description: string;
  /** Are rows of several callers asked together, and why, or why not? */
  batching: { together: boolean; rows: number; why: string };
  features: { name: string; type: string; expected: string }[];
  labels: string[];
  example: Record<string, unknown>;
  /** None where the model did not take the example that was made up for it; `refused` is what it said. */
  decision?: Record<string, unknown>;
  refused?: string;
}

const MiB = 1024 ** 2;
/** Up to this size a model may take four times its files: what it computes with comes beside them. */
const SMALL_BYTES = 256 * MiB;

/** What the manifest's `limits.memory` is to be for a model: in steps of 256 MiB, and never less than two. */
export function memoryFor({ bytes }: Pick<ModelFacts, "bytes">): string {
  const working = 4 * Math.min(bytes, SMALL_BYTES) + 1.5 * Math.max(0, bytes - SMALL_BYTES);
  const steps = Math.ceil((256 * MiB + working) / (256 * MiB));
  return `${Math.max(2, steps) * 256}MiB`;
}

/** Loads a model in the server that would serve it. `example`: a file with a row that it takes. @throws Failure usage.invalid; image.bad-model, with the server's reason */
export async function inspectModel(file: string, example: string | undefined, context: Context): Promise<ModelFacts> {
  const flags = ["--model", file, ...(example === undefined ? [] : ["--example", example])];
  const ended = await askServer(await findServer(context), "inspect", flags, context.signal);
  if (ended.code === 0) return JSON.parse(ended.stdout) as ModelFacts;
  const said = ended.stderr.trim().split("\n")[0] ?? "";
  // The way to a field is of the row that was given, and no fault of the model's.
  if (example !== undefined && /^(the body|\/\S*): expected /.test(said)) {
    throw new Failure("usage.invalid", `${path.basename(example)} is no row of ${path.basename(file)}: ${said}`, {
      hint: "without --example, schema.yaml is written with the names of the model's features",
    });
  }
  throw new Failure("image.bad-model", `${path.basename(file)} cannot be served: ${said}`, {
    hint: existsSync(file) ? "export it again as the message says" : "is the path right?",
  });
}

/** The argv of the model server on this computer, for a manifest's model. @throws Failure usage.invalid */
export async function serverArgv(manifest: Manifest, port: number, context: Context): Promise<string[]> {
  if (manifest.model === undefined) {
    throw new Failure("usage.invalid", "this manifest has no model", {
      hint: "dray serve runs an .onnx file: model: model.onnx",
    });
  }
  const server = await findServer(context);
  const files = modelFiles(manifest);
  const { timeout, queue, body } = manifest.limits;
  const flags: [string, string | number | undefined][] = [
    ["--model", files.model],
    ["--service", manifest.service],
    ["--host", "127.0.0.1"],
    ["--port", port],
    ["--timeoutMs", timeout],
    ["--schema", files.schema],
    ["--golden", files.golden],
    ["--route", manifest.route],
    ["--queue", queue],
    ["--body", body],
  ];
  const given = flags.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  return [process.execPath, serverScript(server), ...given, "--watch"];
}
