import { type Evidence, type Fault, fromApi, served } from "../evidence.ts";
import { answered, noReplica } from "./healthy.ts";
import { again, app, brief, nameIn, ours, said } from "./words.ts";

/** What a program ends with that was stopped, and did not fail. */
const STOPPED: readonly number[] = [0, 137, 143];

/** Does it fail to start, now or again and again? */
function fails(found: Evidence): boolean {
  const facts = app(found);
  if (facts === undefined || served(found)) return false;
  if (facts.status === "exited") return !STOPPED.includes(facts.exitCode);
  return facts.status === "restarting" || (facts.restarts > 0 && found.containerDial?.outcome !== "open");
}

/** The last line of its log that fits. */
function lineOf(found: Evidence, fits: RegExp): string | undefined {
  const line = app(found)?.log.findLast((each) => fits.test(each));
  return line === undefined ? undefined : brief(line, 200);
}

/** PyTorch's and CUDA's words, vLLM's, and the loader's for a library that the toolkit mounts. */
const NO_GPU =
  /Found no NVIDIA driver|No CUDA GPUs are available|no CUDA-capable device is detected|Failed to infer device type|libcuda\.so\.1: cannot open/;
const OLD_DRIVER =
  /CUDA driver version is insufficient|NVIDIA driver on your system is too old|forward compatibility was attempted/;
/** PyTorch's, vLLM's (two), and llama.cpp's. */
const NO_GPU_MEMORY =
  /CUDA out of memory|No available memory for the cache blocks|larger than the available KV cache memory|cudaMalloc failed: out of memory/;
/** huggingface_hub's. */
const GATED = /gated repo|GatedRepoError|Access to model \S+ is restricted/;
/** llama.cpp's, transformers' (two), and huggingface_hub's. */
const NO_WEIGHTS =
  /failed to open GGUF file|failed to load model, '|does not appear to have a file named|is not a local folder and is not a valid model identifier|RepositoryNotFoundError/;

/** Why a model's server does not get as far as listening: its log says so. */
export const MODEL_START: readonly Fault[] = [
  {
    id: "gpu-missing",
    hop: "container",
    title: "It looks for a GPU and finds none",
    when: (found) => fails(found) && lineOf(found, NO_GPU) !== undefined,
    why: (found) => `${nameIn(found)} looks for a GPU and finds none: ${lineOf(found, NO_GPU)}`,
    fix: (found) =>
      ours(found)
        ? "limits: {gpus: 1} in dray.yaml, on a machine with NVIDIA's driver and container toolkit; or an image that is made for CPUs"
        : "docker run --gpus all ..., on a machine with NVIDIA's driver and container toolkit; or an image that is made for CPUs",
    outside: "Connection refused, or 503 from the edge.",
    byHand: "`nvidia-smi` on the machine, then `docker run --rm --gpus all IMAGE nvidia-smi`.",
    example: (found) =>
      noReplica(found, {
        status: "restarting",
        exitCode: 1,
        restarts: 4,
        log: ["RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"],
      }),
  },
  {
    id: "gpu-driver-old",
    hop: "container",
    title: "The GPU's driver is too old for the image",
    when: (found) => fails(found) && lineOf(found, OLD_DRIVER) !== undefined,
    why: (found) => `the image of ${nameIn(found)} needs a newer GPU driver: ${lineOf(found, OLD_DRIVER)}`,
    fix: () => "install a newer NVIDIA driver on the machine, or take an image that is made for an older CUDA",
    outside: "Connection refused, or 503 from the edge.",
    byHand: "`nvidia-smi` says which CUDA the driver is for; the image's tag says which it needs.",
    example: (found) =>
      noReplica(found, {
        status: "exited",
        exitCode: 1,
        log: ["CUDA error: CUDA driver version is insufficient for CUDA runtime version"],
      }),
  },
  {
    id: "gpu-memory",
    hop: "container",
    title: "The model does not fit into the GPU",
    when: (found) => fails(found) && lineOf(found, NO_GPU_MEMORY) !== undefined,
    why: (found) => `the GPU has too little memory for the model and its context: ${lineOf(found, NO_GPU_MEMORY)}`,
    fix: (found) =>
      `a shorter context (vLLM: --max-model-len 8192; llama.cpp: -c 8192), a quantised model, or a larger GPU; then ${again(found)}`,
    outside: "Connection refused, or 503 from the edge, a minute after each start.",
    byHand: "`nvidia-smi` while it loads; its log names the memory that it wanted.",
    example: (found) =>
      noReplica(found, {
        status: "exited",
        exitCode: 1,
        log: ["ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"],
      }),
  },
  {
    id: "weights-gated",
    hop: "container",
    title: "The model's weights are not for everybody",
    when: (found) => fails(found) && lineOf(found, GATED) !== undefined,
    why: (found) => `${nameIn(found)} may not have the model's weights: ${lineOf(found, GATED)}`,
    fix: (found) =>
      ours(found)
        ? "accept the model's terms on its page, then give a token: secrets: {HF_TOKEN: {env: HF_TOKEN}}, or token: beside weights:"
        : "accept the model's terms on its page, then docker run -e HF_TOKEN=... with a token that may read it",
    outside: "Connection refused, or 503 from the edge.",
    byHand: "The model's page on the hub asks to agree before it shows its files.",
    example: (found) =>
      noReplica(found, {
        status: "exited",
        exitCode: 1,
        log: ["Cannot access gated repo for url https://huggingface.co/acme/llm/resolve/main/config.json."],
      }),
  },
  {
    id: "weights-missing",
    hop: "container",
    title: "The model's weights are not where it looks",
    when: (found) => fails(found) && lineOf(found, NO_WEIGHTS) !== undefined,
    why: (found) => `${nameIn(found)} does not find the model: ${lineOf(found, NO_WEIGHTS)}`,
    fix: (found) =>
      ours(found)
        ? "compare the path in args: with the one under weights: in dray.yaml, then dray deploy"
        : `compare the path in its arguments with what is mounted: docker inspect ${nameIn(found)}`,
    outside: "Connection refused, or 503 from the edge.",
    byHand: "`docker inspect -f '{{.Args}} {{.Mounts}}' NAME`: the path, and what is mounted there.",
    example: (found) =>
      noReplica(found, {
        status: "exited",
        exitCode: 1,
        log: ["E srv    load_model: failed to load model, '/models/qwen.gguf'", "llama_server: exiting"],
      }),
  },
];

/** llama.cpp's words, vLLM's and OpenAI's, SGLang's. */
const CONTEXT =
  /exceed_context_size|exceeds the available context size|maximum context length|context_length_exceeded|longer than the model's context length/;
/** vLLM's, Ollama's, OpenAI's. */
const NO_MODEL = /The model `[^`]*` does not exist|model \\?["'][^"']*["'] not found|model_not_found/;

/** The body with which the API itself refused. */
const refusal = (found: Evidence): string =>
  fromApi(found) && (said(found)?.status ?? 0) >= 400 ? (said(found)?.body ?? "").slice(0, 2000) : "";

/** What a language model refuses, and what that is no fault of. */
export const MODEL_ASKED: readonly Fault[] = [
  {
    id: "context-too-long",
    hop: "predict",
    title: "The prompt is longer than the model's context",
    when: (found) => CONTEXT.test(refusal(found)),
    why: (found) =>
      `the model is ready, and this prompt with its answer is longer than its context: ${brief(refusal(found))}`,
    fix: () =>
      "a shorter prompt, or fewer max_tokens; or a longer context, which takes more memory (vLLM: --max-model-len; llama.cpp: -c, shared by its -np slots)",
    outside: "400 to long prompts only.",
    byHand: "The same request with a prompt of one word is answered.",
    example: (found) =>
      answered(
        found,
        400,
        '{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (8192 tokens)","type":"exceed_context_size_error"}}',
      ),
  },
  {
    id: "model-unknown",
    hop: "predict",
    title: "The server has no model of this name",
    when: (found) => NO_MODEL.test(refusal(found)),
    why: (found) => `the server is ready, and has no model of the name that was asked for: ${brief(refusal(found))}`,
    fix: (found) =>
      `ask ${new URL("/v1/models", found.target.url).href} which it has, and put that name into the request or golden.json`,
    outside: "404 with the model's name in the answer; other models are answered.",
    byHand: "`curl URL/v1/models` lists the names.",
    example: (found) =>
      answered(
        found,
        404,
        '{"error":{"message":"The model `llama` does not exist.","type":"NotFoundError","param":"model","code":404}}',
      ),
  },
];
