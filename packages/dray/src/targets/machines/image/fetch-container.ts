import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { sleep, within } from "drayage-clock";
import type { FetchJob, FetchNews } from "drayage-keeper";
import { isDead, thisProcess } from "../../../base/computer.ts";
import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { type Engine, isMissing, isTaken } from "../../../machine/engine.ts";
import { attachStream } from "../../../machine/exec.ts";
import type { Machine } from "../../../machine/machine.ts";
import { explainFetch } from "../../../weights/ask.ts";
import { CAGE } from "../container/container.ts";
import { weightsVolume } from "../container/weights-volumes.ts";

const MEMORY_BYTES = 512 * 1024 ** 2;
const POLL_MS = 500;
const REMOVE_MS = 20_000;
/** From making a container to starting it takes moments. */
const START_MS = 60_000;
const HOLDER_LABEL = "dray.holder";

/** One run of the fetching program on a machine. */
export interface FetchRun {
  machine: Machine;
  /** The keeper's: the program is in it. */
  image: string;
  /** Of the content. */
  id: string;
  job: FetchJob;
  onProgress: (done: number, total: number) => void;
  /** Does what keeps the program alive, until `over`. */
  beside?: (stream: Duplex, over: AbortSignal) => Promise<void>;
  onNeed?: (need: FetchNews & { type: "need" }, stream: Duplex) => Promise<void>;
}

/**
 * Runs it in a container of its own, which has the content's volume and nothing else. The job goes by standard input, so
 * no login is ever in what the engine keeps of a container. @throws Failure weights.*, machine.disk-full
 */
export async function runFetcher(run: FetchRun, context: Context): Promise<FetchNews & { type: "done" }> {
  const { signal } = context;
  const { engine } = run.machine;
  const container = await create(run, context);
  try {
    const { stream, said } = await attachStream(engine, container, signal);
    const stop = (): void => void stream.destroy();
    signal.addEventListener("abort", stop, { once: true });
    try {
      await engine.post(`/containers/${container}/start`, { signal });
      return await listen(run, stream, said, signal);
    } finally {
      signal.removeEventListener("abort", stop);
      stream.destroy();
    }
  } finally {
    await remove(engine, container);
  }
}

async function listen(
  { machine, job, beside, onNeed, onProgress }: FetchRun,
  stream: Duplex,
  said: () => string,
  signal: AbortSignal,
): Promise<FetchNews & { type: "done" }> {
  const over = new AbortController();
  const lines = createInterface({ input: stream, signal });
  let problem: Failure | undefined;
  const stop = (error: unknown): void => {
    // A line that ended under the bytes is told of by what was said before its end, or by the end itself.
    if (!(error instanceof Failure)) return;
    problem = error;
    lines.close();
  };
  try {
    stream.write(`${JSON.stringify(job)}\n`);
    void beside?.(stream, over.signal);
    for await (const line of lines) {
      const news = JSON.parse(line) as FetchNews;
      if (news.type === "done") return news;
      if (news.type === "failed") throw explainFetch(news.why, news.text, machine.name);
      // Not waited for: what goes wrong there is said while bytes are still being sent.
      if (news.type === "need") onNeed?.(news, stream).catch(stop);
      else onProgress(news.done, news.total);
    }
    signal.throwIfAborted();
    if (problem !== undefined) throw problem;
    throw explainFetch("cut", said().trim().split("\n").at(-1) ?? "", machine.name);
  } finally {
    over.abort();
  }
}

/** Makes the container. Its name is the right to write to the volume: another's fetching is waited for, a dead one's removed. */
async function create({ machine, image, id }: FetchRun, { signal, emit }: Context): Promise<string> {
  const { engine } = machine;
  const name = `dray-fetch-${id.slice(0, 16)}`;
  const body = containerOf(image, id, await thisProcess());
  const startedAt = performance.now();
  for (let told = false; ; told = true) {
    try {
      await engine.post("/containers/create", { query: { name }, body, signal });
      return name;
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
    if (await isLeft(engine, name, performance.now() - startedAt, signal)) await remove(engine, name);
    else if (!told) emit({ type: "line", on: machine.name, text: "somebody else fetches the same weights; waiting" });
    await sleep(POLL_MS, signal);
  }
}

function containerOf(image: string, id: string, holder: string): object {
  return {
    Image: image,
    Cmd: ["fetch"],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Labels: { "dray.role": "fetch", [HOLDER_LABEL]: holder },
    HostConfig: {
      ...CAGE,
      CapAdd: [],
      AutoRemove: true,
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      ReadonlyRootfs: true,
      NetworkMode: "bridge",
      LogConfig: { Type: "none", Config: {} },
      Mounts: [{ Type: "volume", Source: weightsVolume(id), Target: "/weights", VolumeOptions: { NoCopy: true } }],
    },
  };
}

interface Inspected {
  State: { Running: boolean; Status: string };
  Config: { Labels: Record<string, string> };
}

/** Has whoever made it gone? One that runs ends by itself when nobody speaks to it any more. */
async function isLeft(engine: Engine, name: string, waitedMs: number, signal: AbortSignal): Promise<boolean> {
  const found = await engine.get<Inspected>(`/containers/${name}/json`, { signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
  if (found === undefined) return false;
  const { State: state, Config: config } = found;
  if (await isDead(config.Labels[HOLDER_LABEL])) return true;
  return !state.Running && (state.Status !== "created" || waitedMs > START_MS);
}

/** Under a signal of its own: also what was stopped must be gone. */
async function remove(engine: Engine, container: string): Promise<void> {
  const gone = (signal: AbortSignal): Promise<unknown> =>
    engine.call("DELETE", `/containers/${container}`, { query: { force: true }, signal });
  await within(REMOVE_MS, undefined, gone).catch((error: unknown) => {
    // It may be removing itself at this moment.
    if (!isMissing(error) && !isTaken(error)) throw error;
  });
}
