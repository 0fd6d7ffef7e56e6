import { FetchError, probe, readRange, readWhole } from "drayage-keeper";
import type { WeightsFile } from "../core/weights.ts";
import { explainFetch } from "./ask.ts";

/** A file's bytes from `from` on, as this computer has or gets them. @throws Failure weights.* */
export async function* bytesFrom(file: WeightsFile, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  if (from >= (file.bytes ?? 0)) return;
  try {
    yield* file.read === undefined ? fromUrl(file, from, signal) : file.read(from, signal);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw explainFetch(error.why, error.message, "this computer", error);
  }
}

async function* fromUrl(file: WeightsFile, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { bytes = 0 } = file;
  const { ranges } = await probe(file, signal);
  if (ranges) return yield* readRange(file, { from, to: bytes }, signal);
  let before = from;
  for await (const chunk of readWhole(file, signal)) {
    yield chunk.subarray(Math.min(before, chunk.length));
    before -= Math.min(before, chunk.length);
  }
}
