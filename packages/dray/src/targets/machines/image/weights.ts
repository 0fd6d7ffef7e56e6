import { once } from "node:events";
import type { Duplex } from "node:stream";
import { sleep } from "drayage-clock";
import { asFailure } from "../../../base/failure.ts";
import { forgetToken } from "../../../google/token.ts";
import type { Context } from "../../../core/context.ts";
import type { WeightsFile } from "../../../core/weights.ts";
import { explainFetch } from "../../../weights/ask.ts";
import { bytesFrom } from "../../../weights/bytes.ts";
import { type FetchRun, runFetcher } from "./fetch-container.ts";
import { supplyKeeper } from "./keeper-image.ts";
import type { MachineStep } from "../plan/steps.ts";
import { listWeights, makeWeightsVolume, markWhole } from "../container/weights-volumes.ts";
import type { Work } from "../plan/work.ts";

const CONNECTIONS = 8;
/** The fetching ends by itself when it has heard nothing for a minute. */
const HEARTBEAT_MS = 5000;

/** Brings weights to the machine, where they are not whole there yet. Resolves to a note for people. @throws Failure weights.*, machine.disk-full */
export async function fetchWeights(
  work: Work,
  step: MachineStep & { kind: "weights" },
  context: Context,
): Promise<string> {
  const { machine } = work.site;
  const { engine } = machine;
  const wanted = work.weights.find(({ id }) => id === step.content);
  if (wanted === undefined) throw new TypeError(`weights that nobody asked for: ${step.content}`);
  // Another service's deploy may have brought them since it was looked.
  if ((await listWeights(engine, context.signal)).includes(step.content)) return "here already";
  await supplyKeeper(work.site, step.image, context);
  await makeWeightsVolume(engine, step.content, context.signal);
  let furthest = 0;
  const onProgress = (done: number, total: number): void => {
    furthest = Math.max(furthest, done);
    context.emit({ type: "step.progress", step: "weights", on: step.on, done, total, unit: "bytes" });
  };
  const { sha256 } = wanted;
  const job = { files: [], connections: CONNECTIONS, ...(sha256 === undefined ? {} : { sha256 }) };
  const run = { machine, image: step.image, id: step.content, job, onProgress };
  const attempt = async (): Promise<Came> => await byEitherWay(await wanted.open(context.signal), run, context);
  const came = await againWhileItComes(attempt, () => furthest);
  await markWhole(engine, step.content, context.signal);
  work.bytesSent += came.sent;
  return `${(came.bytes / 1e6).toFixed(2)} MB ${came.sent > 0 ? "sent" : "fetched"}`;
}

interface Came {
  bytes: number;
  /** Of them, from this computer. */
  sent: number;
}

/** A token or a signed URL may end in the middle: what came is kept, and the rest is asked for with a new one. */
async function againWhileItComes(attempt: () => Promise<Came>, furthest: () => number): Promise<Came> {
  for (;;) {
    const before = furthest();
    try {
      return await attempt();
    } catch (error) {
      if (asFailure(error).code !== "weights.refused" || furthest() <= before) throw error;
      forgetToken();
    }
  }
}

/** By the machine itself, or, where it has no way to the source, from here. */
async function byEitherWay(files: readonly WeightsFile[], run: FetchRun, context: Context): Promise<Came> {
  if (files.some(({ url }) => url === undefined)) return await fromHere(files, run, context);
  try {
    return await fromThere(files, run, context);
  } catch (error) {
    const { code, message } = asFailure(error);
    if (code !== "weights.unreachable") throw error;
    context.emit({ type: "warning", text: `${message}; this computer sends them` });
    return await fromHere(files, run, context);
  }
}

/** The machine asks the source; the login comes by standard input, and stays in one program's memory. */
async function fromThere(files: readonly WeightsFile[], run: FetchRun, context: Context): Promise<Came> {
  const job = { ...run.job, files: files.map(({ read: _read, ...file }) => file) };
  const { came } = await runFetcher({ ...run, job, beside: speak }, context);
  return { bytes: came, sent: 0 };
}

async function speak(stream: Duplex, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    // An end is no error here.
    await sleep(HEARTBEAT_MS, over).catch(() => undefined);
    if (!over.aborted) stream.write("\n");
  }
}

/** This computer reads the source, or its own files, and sends what is still missing there. */
async function fromHere(files: readonly WeightsFile[], run: FetchRun, context: Context): Promise<Came> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const onNeed: FetchRun["onNeed"] = async (need, stream) => {
    const file = byPath.get(need.path);
    if (file === undefined) throw new TypeError(`nobody named ${need.path}`);
    await send(file, need.from, stream, context.signal);
  };
  const job = { ...run.job, files: files.map(toBeSent) };
  const { came } = await runFetcher({ ...run, job, onNeed }, context);
  return { bytes: came, sent: came };
}

/** What the machine is told of a file that comes from here: nothing of where it is from. */
function toBeSent({ path, bytes, sha256, gitBlob }: WeightsFile): WeightsFile {
  if (bytes === undefined)
    throw explainFetch(
      "unreachable",
      `the source of ${path} is reached neither from there nor from here`,
      "the machine",
    );
  return {
    path,
    bytes,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(gitBlob === undefined ? {} : { gitBlob }),
  };
}

async function send(file: WeightsFile, from: number, stream: Duplex, signal: AbortSignal): Promise<void> {
  stream.write(`${JSON.stringify({ bytes: Math.max(0, (file.bytes ?? 0) - from) })}\n`);
  for await (const chunk of bytesFrom(file, from, signal))
    if (!stream.write(chunk)) await once(stream, "drain", { signal });
}
