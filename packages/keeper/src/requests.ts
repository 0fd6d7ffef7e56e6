import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import path from "node:path";
import { parseJson } from "./json.ts";
import type { Copy } from "./shadow/copy.ts";

/** What is kept of a service's requests. */
export interface Keeping {
  mask: readonly string[];
  maxBytes: number;
}

const MOST_WAITING = 2000;
const MASKED = "[masked]";
/** The releases' settings, as the edge's state has them. */
interface State {
  services: Record<
    string,
    { current: string; releases: { release: { id: string; settings: { requests?: Keeping } } }[] }
  >;
}

/** What is to be kept of each service, as the edge's state says. */
export function keepingOf(text: string): Map<string, Keeping> {
  const { services } = JSON.parse(text) as State;
  return new Map(
    Object.entries(services).flatMap(([service, { current, releases }]): [string, Keeping][] => {
      const keeping = releases.find((each) => each.release.id === current)?.release.settings.requests;
      return keeping === undefined ? [] : [[service, keeping]];
    }),
  );
}

/** Keeps a sample of requests and answers, a line of JSON each, in two files that take turns. */
export class Requests {
  readonly #folder: string;
  #keeping = new Map<string, Keeping>();
  #waiting = new Map<string, string[]>();

  constructor(home: string) {
    this.#folder = path.join(home, "requests");
  }

  want(keeping: Map<string, Keeping>): void {
    this.#keeping = keeping;
  }

  take(copy: Copy): void {
    const keeping = this.#keeping.get(copy.service);
    if (keeping === undefined || !copy.keep) return;
    const mask = new Set(keeping.mask);
    const line = JSON.stringify({
      at: new Date().toISOString(),
      id: copy.id,
      release: copy.release,
      method: copy.method,
      path: copy.path.split("?")[0],
      status: copy.answer.status,
      ms: copy.answer.ms,
      request: masked(parsed(copy.body), mask),
      answer: masked(parsed(copy.answer.body), mask),
    });
    const waiting = this.#waiting.get(copy.service) ?? [];
    // Half a second of lines; more are more than the disk takes.
    if (waiting.length >= MOST_WAITING) return;
    waiting.push(line);
    this.#waiting.set(copy.service, waiting);
  }

  /** Writes what came since the last time. */
  async flush(): Promise<void> {
    const all = this.#waiting;
    this.#waiting = new Map();
    const ended = await Promise.allSettled([...all].map(([service, lines]) => this.#append(service, lines)));
    const failed = ended.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  async #append(service: string, lines: readonly string[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = path.join(this.#folder, `${service}.jsonl`);
    await appendFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
    const { size } = await stat(file);
    if (size > (this.#keeping.get(service)?.maxBytes ?? 0) / 2) await rename(file, `${file}.1`);
  }
}

/** JSON as it is; of anything else, and of what is nested without end, only how long it was: a mask could not be put on it. */
function parsed(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const found = parseJson(String(body));
  return found === undefined ? `${body.length} bytes` : found.value;
}

function masked(value: unknown, mask: ReadonlySet<string>): unknown {
  if (mask.size === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => masked(each, mask));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, mask.has(key) ? MASKED : masked(each, mask)]),
  );
}
