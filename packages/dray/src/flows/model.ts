import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import type { Context } from "../core/context.ts";
import type { Manifest } from "../manifest/schema.ts";
import { modelFiles } from "../recipes/model-files.ts";
import { findServer, serverScript } from "../recipes/serve-runtime.ts";

/** What a model turned out to be when the server loaded it and asked it once. */
export interface ModelFacts {
  digest: string;
  producer: string;
  description: string;
  batches: boolean;
  features: { name: string; type: string; expected: string }[];
  labels: string[];
  example: Record<string, unknown>;
  decision: Record<string, unknown>;
}

/** Loads a model in the server that would serve it. @throws Failure image.bad-model, with the server's reason */
export async function inspectModel(file: string, schema: string | undefined, context: Context): Promise<ModelFacts> {
  const server = await findServer();
  const flags = schema === undefined ? [] : ["--schema", schema];
  const argv = [process.execPath, serverScript(server), "inspect", "--model", file, ...flags];
  const ended = await run(argv, { signal: context.signal });
  if (ended.code === 0) return JSON.parse(ended.stdout) as ModelFacts;
  throw new Failure(
    "image.bad-model",
    `${path.basename(file)} cannot be served: ${ended.stderr.trim().split("\n")[0] ?? ""}`,
    {
      hint: existsSync(file) ? "export it again as the message says" : "is the path right?",
    },
  );
}

/** The argv of the model server on this computer, for a manifest's model. @throws Failure usage.invalid */
export async function serverArgv(manifest: Manifest, port: number): Promise<string[]> {
  if (manifest.model === undefined) {
    throw new Failure("usage.invalid", "this manifest has no model", {
      hint: "dray serve runs an .onnx file: model: model.onnx",
    });
  }
  const server = await findServer();
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
