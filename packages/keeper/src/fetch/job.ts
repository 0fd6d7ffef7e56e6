/** One file of a model's weights, and where its bytes are. */
export interface WeightFile {
  /** Where it goes, below the folder of all. */
  path: string;
  bytes?: number;
  sha256?: string;
  /** The hash that git gives a file, where that is all that its source tells. */
  gitBlob?: string;
  /** Undefined: its bytes are asked for on standard output, and come by standard input. */
  url?: string;
  /** What the source wants to see; it is sent to no other host. */
  headers?: Record<string, string>;
}

/** What is to be there when the fetching is over. It comes by standard input, since URLs and headers may let somebody in. */
export interface FetchJob {
  files: WeightFile[];
  /** Of all the files' hashes together, as `hashOfAll` makes it. */
  sha256?: string;
  connections: number;
}

/** Why the weights did not arrive. `gone`: nobody waits for them any more. */
export type FetchFault = "unreachable" | "refused" | "missing" | "mismatch" | "disk" | "cut" | "gone";

/** What is said on standard output, a line of JSON each. `need` is answered with a line `{"bytes": N}` and as many bytes. */
export type FetchNews =
  | { type: "progress"; done: number; total: number }
  | { type: "need"; path: string; from: number }
  | { type: "done"; came: number; total: number }
  | { type: "failed"; why: FetchFault; text: string };

export class FetchError extends Error {
  readonly why: FetchFault;

  constructor(why: FetchFault, text: string, cause?: unknown) {
    super(text, cause === undefined ? {} : { cause });
    this.name = "FetchError";
    this.why = why;
  }
}
