import { appendFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { parseJson } from "./json.ts";
import { Mask, type MaskRules } from "./mask.ts";
import type { Copy } from "./shadow/copy.ts";

/** What is kept of a service's requests. */
export interface Keeping extends MaskRules {
  maxBytes: number;
  /** Nothing older is kept; releases of older drays do not say. */
  days?: number;
}

const MOST_WAITING = 2000;
const DAYS = 30;
const DAY_MS = 86_400_000;
/** How often it is looked for what has become too old. */
const LOOK_MS = 60_000;
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
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(home: string) {
    this.#folder = path.join(home, "requests");
  }

  want(keeping: Map<string, Keeping>): void {
    this.#keeping = keeping;
  }

  take(copy: Copy): void {
    const keeping = this.#keeping.get(copy.service);
    if (keeping === undefined || !copy.keep) return;
    const mask = new Mask(keeping);
    const line = lineOf({
      at: new Date().toISOString(),
      id: copy.id,
      release: copy.release,
      method: copy.method,
      path: copy.path.split("?")[0],
      status: copy.answer.status,
      ms: copy.answer.ms,
      request: mask.request(parsed(copy.body)),
      answer: mask.answer(parsed(copy.answer.body)),
    });
    const waiting = this.#waiting.get(copy.service) ?? [];
    // Half a second of lines; more are more than the disk takes.
    if (waiting.length >= MOST_WAITING) return;
    waiting.push(line);
    this.#waiting.set(copy.service, waiting);
  }

  /** Writes what came since the last time, and forgets what is old. */
  async flush(nowMs: number = Date.now()): Promise<void> {
    const all = this.#waiting;
    this.#waiting = new Map();
    const ended = await Promise.allSettled([...all].map(([service, lines]) => this.#append(service, lines)));
    await this.#forget(nowMs);
    const failed = ended.find((each) => each.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /**
   * Takes away what is too old, also of services that keep nothing any more: a file makes room when its first line has
   * half the age, and goes when its last one has: none of its lines is older than they may be.
   */
  async #forget(nowMs: number): Promise<void> {
    if (nowMs - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = nowMs;
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".jsonl") || each.endsWith(".jsonl.1"))) {
      const half = ((this.#keeping.get(name.replace(/\.jsonl(\.1)?$/, ""))?.days ?? DAYS) * DAY_MS) / 2;
      const file = path.join(this.#folder, name);
      if (name.endsWith(".1")) {
        if (nowMs - (await stat(file)).mtimeMs > half) await rm(file, { force: true });
      } else if (nowMs - ((await firstAt(file)) ?? nowMs) > half) await rename(file, `${file}.1`);
    }
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

/** A line that a terminal may show: what JSON leaves as it is of its commands is written as numbers, too. */
function lineOf(kept: object): string {
  return JSON.stringify(kept).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** When the first line of a file was written, in milliseconds; undefined of none. */
async function firstAt(file: string): Promise<number | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    const at = /^\{"at":"([^"]+)"/.exec(buffer.toString("latin1", 0, bytesRead))?.[1];
    return at === undefined ? undefined : Date.parse(at);
  } finally {
    await handle.close();
  }
}
