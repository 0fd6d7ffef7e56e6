import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { sleep } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import type { Sample } from "../../core/judge.ts";
import { EDGE } from "../../machine/edge.ts";
import { FOLLOW } from "../../machine/edge-log.ts";
import { backendName } from "../../machine/edge-state.ts";
import { execStream } from "../../machine/exec.ts";
import type { Machine } from "../../machine/machine.ts";

/**
 * HAProxy's `option httplog` (its manual, 8.2.3): backend/server, the timers TR/Tw/Tc/Tr/Ta in milliseconds, status,
 * bytes, two captured cookies, and how the session ended.
 */
const LINE = /\] \S+ (\S+)\/([^\s/]+)\.\d+ -?\d+\/-?\d+\/-?\d+\/(-?\d+)\/\+?-?\d+ (-?\d+) \+?-?\d+ \S+ \S+ ([\w-]{4}) /;

/** What a line of the access log says of one release's answer; undefined when a client went away, which is nobody's fault. */
export function parseAccess(line: string): { backend: string; release: string; sample: Sample } | undefined {
  const [, backend, release, model, code, ended] = LINE.exec(line) ?? [];
  if (backend === undefined || release === undefined || /^c/i.test(ended ?? "")) return undefined;
  const [ms, status] = [Number(model), Number(code)];
  const refused = status >= 400 && status < 500 ? { refused: status } : {};
  return { backend, release, sample: { ok: ms >= 0 && status > 0 && status < 400, ms: Math.max(0, ms), ...refused } };
}

/** Opens the log once more: its lines, and what went wrong so far. */
type Connect = () => Promise<{ stream: Readable; said: () => string }>;

/** A log that ends is opened again; one that gives no line so many times in a row is lost. */
const MOST_TRIES = 3;
const AGAIN_MS = 500;

/** The answers of each release of a service, as the edge's log tells of them, from now on. */
export class AccessLog {
  readonly #samples = new Map<string, Sample[]>();
  readonly #backend: string;
  #lines = 0;
  #lost: string | undefined;

  private constructor(service: string) {
    this.#backend = backendName(service);
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
    const access = parseAccess(line);
    if (access?.backend !== this.#backend) return;
    const known = this.#samples.get(access.release);
    if (known === undefined) this.#samples.set(access.release, [access.sample]);
    else known.push(access.sample);
  }
}
