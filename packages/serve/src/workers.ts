import { availableParallelism, totalmem } from "node:os";

const MiB = 1024 ** 2;
/** What a worker takes beside its model once it has served for a while: Node, onnxruntime, rows on their way. */
const WORKER_BYTES = 96 * MiB;
/** Memory for each byte of a model's files; 1.14 was measured of 2.2 GB of weights (docs/models.md). */
const MODEL_SHARE = 1.3;

/** What workers have to share. */
export interface Room {
  cores: number;
  /** Of the container, in bytes. */
  memory: number;
  /** Of the model's file and its weights, in bytes; 0: not known. */
  modelBytes: number;
}

/**
 * One worker for each core, or as many as memory has room for: each has a model of its own, and a container that needs
 * more than it may have is ended by the kernel. At least one.
 */
export function workersFor({ cores, memory, modelBytes }: Room): number {
  const most = Math.floor(memory / (WORKER_BYTES + MODEL_SHARE * modelBytes));
  return Math.max(1, Math.min(cores, most));
}

/** What this container has. Without a limit, libuv names a number that no computer has. */
export function roomFor(modelBytes: number): Room {
  const memory = process.constrainedMemory();
  const limit = memory === undefined || memory === 0 ? totalmem() : memory;
  return { cores: availableParallelism(), memory: Math.min(limit, totalmem()), modelBytes };
}
