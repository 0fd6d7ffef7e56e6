import { createInterface } from "node:readline";
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
  return { backend, release, sample: { ok: ms >= 0 && status > 0 && status < 400, ms: Math.max(0, ms) } };
}

/** The answers of each release of a service, as the edge's log tells of them, from now on. */
export class AccessLog {
  readonly #samples = new Map<string, Sample[]>();
  readonly #backend: string;

  private constructor(service: string) {
    this.#backend = backendName(service);
  }

  /** Listens until `signal`, or until the link is gone: that ends the command elsewhere. */
  static open(machine: Machine, service: string, signal: AbortSignal): AccessLog {
    const log = new AccessLog(service);
    // Not waited for: an engine sends the head of its answer with the first line of the log.
    log.#read(machine, signal).catch(() => undefined);
    return log;
  }

  async #read(machine: Machine, signal: AbortSignal): Promise<void> {
    const { stream } = await execStream(machine.engine, EDGE, ["bash", "-c", FOLLOW], signal);
    for await (const line of createInterface({ input: stream })) this.#note(line);
  }

  of(release: string): readonly Sample[] {
    return this.#samples.get(release) ?? [];
  }

  #note(line: string): void {
    const access = parseAccess(line);
    if (access?.backend !== this.#backend) return;
    const known = this.#samples.get(access.release);
    if (known === undefined) this.#samples.set(access.release, [access.sample]);
    else known.push(access.sample);
  }
}
