import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { sleep } from "drayage-clock";
import { isFailed, isRefused, parseAccess } from "drayage-record";
import { asFailure } from "../../../base/failure.ts";
import type { Sample } from "../../../core/judge.ts";
import { EDGE } from "../../../edge/edge.ts";
import { FOLLOW } from "../../../edge/log.ts";
import { execStream } from "../../../machine/exec.ts";
import type { Machine } from "../../../machine/machine.ts";

/**
 * What a line of the access log says of one release's answer. Undefined when a client went away, which is nobody's fault, and
 * where the edge answered by itself.
 */
export function sampleIn(line: string): { service: string; release: string; sample: Sample } | undefined {
  const access = parseAccess(line);
  if (access === undefined || access.left || access.release === "") return undefined;
  const { service, release, status, modelMs } = access;
  const refused = isRefused(status) ? { refused: status } : {};
  const ok = modelMs >= 0 && !isFailed(status) && !isRefused(status);
  return { service, release, sample: { ok, ms: Math.max(0, modelMs), ...refused } };
}

/** Opens the log once more: its lines, and what went wrong so far. */
type Connect = () => Promise<{ stream: Readable; said: () => string }>;

/** A log that ends is opened again; one that gives no line so many times in a row is lost. */
const MOST_TRIES = 3;
const AGAIN_MS = 500;

/** The answers of each release of a service, as the edge's log tells of them, from now on. */
export class AccessLog {
  readonly #samples = new Map<string, Sample[]>();
  readonly #service: string;
  #lines = 0;
  #lost: string | undefined;

  private constructor(service: string) {
    this.#service = service;
  }

  /** Listens until `signal`. */
  static open(machine: Machine, service: string, signal: AbortSignal): AccessLog {
    return AccessLog.over(() => execStream(machine.engine, EDGE, ["bash", "-c", FOLLOW], signal), service, signal);
  }

  /** The same, of a log that is opened in another way. */
  static over(connect: Connect, service: string, signal: AbortSignal): AccessLog {
    const log = new AccessLog(service);
    // Not waited for: an engine sends the head of its answer with the first line of the log. Only `signal` ends it early.
    log.#read(connect, signal).catch(() => undefined);
    return log;
  }

  /** Why no answers are heard of any more; undefined while they are. */
  get lost(): string | undefined {
    return this.#lost;
  }

  async #read(connect: Connect, signal: AbortSignal): Promise<void> {
    let why = "";
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const before = this.#lines;
      why = await this.#follow(connect).catch((error: unknown) => asFailure(error).message);
      signal.throwIfAborted();
      if (this.#lines > before) tries = 0;
      await sleep(AGAIN_MS, signal);
    }
    this.#lost = why;
  }

  /** Reads to the end of the log, which should have none; resolves to what was said of that. */
  async #follow(connect: Connect): Promise<string> {
    const { stream, said } = await connect();
    for await (const line of createInterface({ input: stream })) this.#note(line);
    return said().trim() || "it ended";
  }

  of(release: string): readonly Sample[] {
    return this.#samples.get(release) ?? [];
  }

  #note(line: string): void {
    this.#lines++;
    const access = sampleIn(line);
    if (access?.service !== this.#service) return;
    const known = this.#samples.get(access.release);
    if (known === undefined) this.#samples.set(access.release, [access.sample]);
    else known.push(access.sample);
  }
}
