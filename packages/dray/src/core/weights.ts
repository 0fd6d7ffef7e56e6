import type { WeightFile } from "drayage-keeper";

/** Files that a release needs beside its image, as its record names them. */
export interface WeightsUse {
  /** Of the content: the same files have the same one on every machine. 64 hexadecimal digits. */
  id: string;
  /** Where they come from, for people; nothing of it lets anybody in. */
  from: string;
  /** Folder in the container. */
  at: string;
}

/** One file of them. */
export interface WeightsFile extends WeightFile {
  /** Its bytes from this computer, where no URL leads to them. */
  read?: (from: number, signal: AbortSignal) => AsyncIterable<Buffer>;
}

/** What is to be on a machine before a release that uses it starts. */
export interface WeightsWanted extends WeightsUse {
  name: string;
  /** The files' hash together, where that is what the manifest names. */
  sha256?: string;
  /** Asks the source, with this computer's login; only where a machine lacks them. @throws Failure weights.* */
  open(signal: AbortSignal): Promise<WeightsFile[]>;
}

/** Bytes of all files, where each says how many it has. */
export function bytesOf(files: readonly WeightsFile[]): number | undefined {
  const sizes = files.map(({ bytes }) => bytes);
  return sizes.every((each) => each !== undefined) ? sizes.reduce((sum, each) => sum + each, 0) : undefined;
}
