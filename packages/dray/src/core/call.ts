import type { Golden } from "./golden.ts";
import type { Payload } from "./payload.ts";

/** One call of a service from this computer; times in milliseconds from the start of the call. */
export interface Called {
  /** Undefined: the target sends it to the model's route by itself. */
  url?: string;
  method: string;
  status: number;
  release?: string;
  headers: Record<string, string>;
  /** As text. */
  body: string;
  /** How many bytes the body has, and their SHA-256 in hex. */
  bytes?: number;
  sha256?: string;
  /** The bytes, in base64, of an answer that is no text; where they were asked for. */
  base64?: string;
  /** What differs from the golden answer. */
  wrong: string[];
  timing: {
    dnsMs?: number;
    connectMs?: number;
    /** In the edge, until a replica took the request; undefined when the edge did not say. */
    queueMs?: number;
    /** In the replica, until its answer began. */
    modelMs?: number;
    /** From the connection to the first byte: the network there and back, and the two above. */
    firstByteMs?: number;
    totalMs: number;
  };
}

export interface CallOptions {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Payload;
  timeoutMs: number;
  /** The name that the certificate must be for, where the URL has an address. */
  servername?: string;
  golden?: Golden;
  /** Answers that are no text are wanted with their bytes. */
  bytes?: "kept";
  /** `stranger`: without the key or the login that this computer has. */
  as?: "caller" | "stranger";
}
