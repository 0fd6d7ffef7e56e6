import path from "node:path";
import { Failure } from "../../base/failure.ts";

/** A model for a language server: where its weights come from, and their size where it is known. */
export interface LlmModel {
  from: string;
  bytes?: number;
}

/** The language servers that a manifest can be written for. */
export const LLM_SERVERS = ["llama.cpp", "vllm", "sglang", "ollama"] as const;
export type LlmServer = (typeof LLM_SERVERS)[number];

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

/** Where the container finds the weights. */
const FOLDER = "/models";
/** Of tensor libraries, which hand data between their processes through it. */
const SHM = "8GiB";
/** Requests that one replica is given at once; the GPU servers batch many. */
const AT_ONCE = { cpu: 4, gpu: 64 };
/** Tokens that one request may have, prompt and answer together, where nothing else is said. */
const CONTEXT = 4096;

/** A completion takes minutes, and so does loading. */
const PATIENT = { body: "10MiB", timeout: "10m", ready: "15m" };

/** The parts of a manifest that run a model on a language server, but for where, keys and rate. @throws Failure usage.invalid */
export function llmManifest(server: LlmServer, model: LlmModel | undefined): { [key: string]: unknown } {
  if (model === undefined) {
    throw new Failure("usage.invalid", `which model is ${server} to serve?`, { hint: EXAMPLES[server] });
  }
  const runs = server === "ollama" ? ollama(model) : BY_WEIGHTS[server](model);
  return { ...runs, streams: true };
}

const HF = "hf://ORG/NAME@COMMIT";
const EXAMPLES: Record<LlmServer, string> = {
  "llama.cpp": "dray init --llm llama.cpp --model model.gguf",
  vllm: `dray init --llm vllm --model ${HF}`,
  sglang: `dray init --llm sglang --model ${HF}`,
  ollama: "dray init --llm ollama --model qwen3:0.6b",
};

const BY_WEIGHTS: Record<Exclude<LlmServer, "ollama">, (model: LlmModel) => { [key: string]: unknown }> = {
  "llama.cpp": ({ from, bytes }) => {
    if (!from.endsWith(".gguf"))
      throw new Failure("usage.invalid", `llama.cpp loads one .gguf file, and ${from} is none`, {
        hint: `${EXAMPLES["llama.cpp"]}, or hf://ORG/NAME@COMMIT/FILE.gguf`,
      });
    const name = path.posix.basename(from, ".gguf");
    const slots = String(AT_ONCE.cpu);
    const context = String(AT_ONCE.cpu * CONTEXT);
    return {
      image: "ghcr.io/ggml-org/llama.cpp:server",
      port: 8080,
      args: `-m ${FOLDER}/${name}.gguf --alias ${name} --host 0.0.0.0 --port 8080 -np ${slots} -c ${context}`.split(
        " ",
      ),
      ready: "/health",
      ...weights(from),
      limits: { ...memoryFor(bytes), ...PATIENT, concurrency: AT_ONCE.cpu },
    };
  },
  vllm: ({ from }) => ({
    image: "vllm/vllm-openai:latest",
    port: 8000,
    command: ["vllm", "serve", FOLDER],
    args: ["--served-model-name", nameOf(from), "--host", "0.0.0.0", "--port", "8000"],
    env: { HF_HUB_OFFLINE: "1" },
    ...onGpu(from),
  }),
  sglang: ({ from }) => ({
    image: "lmsysorg/sglang:latest",
    port: 30_000,
    command: ["python3", "-m", "sglang.launch_server"],
    args: ["--model-path", FOLDER, "--served-model-name", nameOf(from), "--host", "0.0.0.0", "--port", "30000"],
    env: { HF_HUB_OFFLINE: "1" },
    ...onGpu(from),
  }),
};

function onGpu(from: string): { [key: string]: unknown } {
  return {
    ready: "/health",
    ...weights(from),
    limits: { gpus: 1, shm: SHM, ...PATIENT, concurrency: AT_ONCE.gpu },
  };
}

/** Ollama has a store of its own, which outlives releases; the model is in it before the release is ready. */
function ollama({ from }: LlmModel): { [key: string]: unknown } {
  if (!/^[\w.-]+(\/[\w.-]+)*(:[\w.-]+)?$/.test(from) || from.endsWith(".gguf"))
    throw new Failure("usage.invalid", `Ollama takes a name of its library, and ${from} is none`, {
      hint: `${EXAMPLES.ollama}; for a file: ${EXAMPLES["llama.cpp"]}`,
    });
  const start = `ollama serve & until ollama list >/dev/null 2>&1; do sleep 1; done; ollama pull ${from} && wait`;
  return {
    image: "ollama/ollama:latest",
    port: 11_434,
    command: ["/bin/sh", "-c", start],
    env: { OLLAMA_HOST: "0.0.0.0:11434", OLLAMA_KEEP_ALIVE: "-1" },
    ready: `/v1/models/${from}`,
    volumes: { ollama: { at: "/root/.ollama", write: true } },
    limits: { ...PATIENT, concurrency: AT_ONCE.cpu },
  };
}

const weights = (from: string): object => ({ weights: { model: { from, at: FOLDER } } });

/** The name that callers know a model by: of `hf://ORG/NAME@COMMIT` the middle part. */
function nameOf(from: string): string {
  const plain = from
    .replace(/^hf:\/\//, "")
    .replace(/@.*$/, "")
    .replace(/\/+$/, "");
  return path.posix.basename(plain);
}

/** The file is mapped into memory as a whole; beside it are the tokens in flight. */
function memoryFor(bytes: number | undefined): { memory?: string } {
  if (bytes === undefined) return {};
  return { memory: `${Math.ceil((bytes * 1.25 + GiB / 2) / (256 * MiB)) * 256}MiB` };
}
