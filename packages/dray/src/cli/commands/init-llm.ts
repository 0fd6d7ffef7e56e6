import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import { LLM_SERVERS, type LlmModel, type LlmServer, llmManifest } from "../../flows/release/llm.ts";
import type { Carried } from "../../manifest/carried/carried.ts";
import { serviceNameOf } from "../../manifest/name.ts";
import { schemeOf } from "../../manifest/weights.ts";

export const LLM_WORDS =
  "a server for a language model; --model is then where its weights are (a file, hf://ORG/NAME@COMMIT, ...), or a name of Ollama's library";

/** A manifest for a language server, where the command line names one. @throws Failure usage.invalid */
export async function llmFrom(
  folder: string,
  { llm, model, service }: { llm?: string; model?: string; service?: string },
): Promise<Carried | undefined> {
  const server = LLM_SERVERS.find((each) => each === llm);
  if (server === undefined) return undefined;
  const found = model === undefined ? undefined : await modelOf(server, folder, model);
  return { manifest: { service: service ?? serviceNameOf(folder), ...llmManifest(server, found) }, left: [] };
}

/** Weights on this computer are named from the manifest's folder, and their size is known. */
async function modelOf(server: LlmServer, folder: string, model: string): Promise<LlmModel> {
  if (server === "ollama" || schemeOf(model) !== "file") return { from: model };
  const file = path.resolve(model);
  if (!existsSync(file))
    throw new Failure("usage.invalid", `there is no ${model}`, {
      hint: "a file or folder here, hf://ORG/NAME@COMMIT, s3://..., gs://... or oci://...",
    });
  const { size } = await stat(file);
  return { from: `./${path.relative(folder, file)}`, bytes: size };
}
