import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { appendWhole, readIfThere } from "../status.ts";
import { isHistoryRow, type Access, isFailed } from "drayage-record";
import { add, type Histogram, merge } from "./histogram.ts";

/** What one caller got: answers of 500 and above, 429s, and milliseconds in all. */
export interface Felt {
  failed: number;
  refused: number;
  total: Histogram;
  tokens?: TokenCount;
}

/** Tokens of a language model: read, written, and how many of these came in how many milliseconds of streaming. */
export interface TokenCount {
  asked: number;
  answered: number;
  streamed: number;
  streamMs: number;
}

/** One minute, or more, of one release of a service; `release` is empty where the edge answered by itself. */
export interface Row {
  /** Start of the minute, in seconds since 1970. */
  at: number;
  service: string;
  release: string;
  /** Answers by status. */
  statuses: Record<string, number>;
  /** Clients that went away before the answer. */
  left: number;
  callers: Record<string, number>;
  /** How it went for each of them; lines of older keepers have none. */
  byCaller?: Record<string, Felt>;
  /** Milliseconds: in all, waiting in the edge, and in the release. */
  total: Histogram;
  queue: Histogram;
  model: Histogram;
  tokens?: TokenCount;
}

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const KEEP_DAYS = 30;

/** Counts requests by minute, keeps the last hour in memory and 30 days on the disk, a file a day. */
export class Numbers {
  readonly #folder: string;
  readonly #recent: Row[] = [];
  #minute = new Map<string, Row>();
  /** The same rows, by each replica that has a part in them. */
  readonly #byServer = new Map<string, Row>();
  #at = 0;
  /** Minutes that are over, and not on the disk yet. */
  #unwritten: Row[] = [];
  #written: Promise<void> = Promise.resolve();
  readonly #log: (text: string) => void;

  constructor(home: string, log: (text: string) => void) {
    this.#folder = path.join(home, "history");
    this.#log = log;
  }

  add(access: Access, nowMs: number = Date.now()): void {
    const at = Math.floor(nowMs / 1000 / MINUTE_S) * MINUTE_S;
    if (at !== this.#at) this.#turn(at);
    const row = this.#row(access);
    // A client that went away had what was written for it until then.
    countTokens(row, access);
    if (access.left) {
      row.left++;
      return;
    }
    row.statuses[access.status] = (row.statuses[access.status] ?? 0) + 1;
    if (access.caller !== "-") feel(row, access);
    if (access.totalMs >= 0) add(row.total, access.totalMs);
    if (access.queueMs >= 0) add(row.queue, access.queueMs);
    if (access.modelMs >= 0) add(row.model, access.modelMs);
  }

  #row({ server, service, release }: Access): Row {
    let row = this.#byServer.get(server);
    if (row !== undefined) return row;
    const key = `${service} ${release}`;
    row = this.#minute.get(key) ?? emptyRow(this.#at, service, release);
    this.#minute.set(key, row);
    this.#byServer.set(server, row);
    return row;
  }

  /** Ends the minute when it is over, also where nobody calls. */
  tick(nowMs: number = Date.now()): void {
    const at = Math.floor(nowMs / 1000 / MINUTE_S) * MINUTE_S;
    if (at !== this.#at) this.#turn(at);
  }

  #turn(at: number): void {
    const rows = [...this.#minute.values()];
    this.#minute = new Map();
    this.#byServer.clear();
    this.#at = at;
    this.#recent.push(...rows);
    while ((this.#recent[0]?.at ?? at) < at - HOUR_S) this.#recent.shift();
    this.#unwritten.push(...rows);
    if (this.#unwritten.length > 0) this.#written = this.#written.then(() => this.#write());
  }

  /** What was counted before this keeper was started. */
  async load(): Promise<void> {
    this.#recent.push(...(await this.#read(Date.now() / 1000 - HOUR_S, (rows) => rows)));
  }

  /** Ends the minute early, and waits until it is on the disk. */
  async flush(): Promise<void> {
    this.#turn(this.#at);
    await this.#written;
  }

  /** What a full disk does not take now is tried again with the next minute, for as long as it is in memory anyhow. */
  async #write(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true });
      for (let [first] = this.#unwritten; first !== undefined; [first] = this.#unwritten) {
        const file = this.#file(first.at);
        const rows = this.#unwritten.filter((row) => this.#file(row.at) === file);
        await appendWhole(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
        this.#unwritten = this.#unwritten.filter((row) => !rows.includes(row));
      }
      const oldest = path.basename(this.#file(this.#at - KEEP_DAYS * 86_400));
      for (const name of await readdir(this.#folder)) if (name < oldest) await rm(path.join(this.#folder, name));
    } catch (error) {
      this.#log(`numbers: ${error instanceof Error ? error.message : String(error)}; tried again in a minute`);
      this.#unwritten = this.#unwritten.filter((row) => row.at >= this.#at - HOUR_S);
    }
  }

  #file(at: number): string {
    return path.join(this.#folder, `${new Date(at * 1000).toISOString().slice(0, 10)}.jsonl`);
  }

  /** The rows from `sinceS` seconds ago until now; the minute that runs counts, too. */
  async since(sinceS: number, nowMs: number = Date.now()): Promise<Row[]> {
    const from = nowMs / 1000 - sinceS;
    const now = [...this.#minute.values()];
    if (sinceS <= HOUR_S) return [...this.#recent.filter((row) => row.at + MINUTE_S > from), ...now];
    // A month of minutes would not fit into this container's memory: hours will do.
    const hour = (row: Row): string => `${row.service} ${row.release} ${Math.floor(row.at / HOUR_S)}`;
    await this.#written;
    return [...(await this.#read(from, (rows) => [...together(rows, hour).values()])), ...this.#unwritten, ...now];
  }

  /** Day by day; `shrink` is given each day's rows. */
  async #read(from: number, shrink: (rows: Row[]) => Row[]): Promise<Row[]> {
    const names = await readdir(this.#folder).catch(() => []);
    const first = path.basename(this.#file(from));
    const all: Row[] = [];
    for (const name of names.filter((each) => each >= first).toSorted()) {
      const rows: Row[] = [];
      const text = (await readIfThere(path.join(this.#folder, name))) ?? "";
      for (const line of text.split("\n")) {
        if (line === "") continue;
        try {
          const row = JSON.parse(line) as Row;
          if (isHistoryRow(row) && row.at + MINUTE_S > from) rows.push(row);
        } catch {
          // The end of a line that a power cut took.
        }
      }
      all.push(...shrink(rows));
    }
    return all;
  }
}

function countTokens(row: Row, { tokens, caller, totalMs, queueMs, modelMs }: Access): void {
  if (tokens === undefined) return;
  const { asked, answered, streamed } = tokens;
  const streams = streamed ? { streamed: answered, streamMs: Math.max(0, totalMs - queueMs - modelMs) } : {};
  const count: TokenCount = { asked, answered, streamed: 0, streamMs: 0, ...streams };
  row.tokens = addTokens(row.tokens, count);
  if (caller === "-") return;
  const felt = feltBy(row, caller);
  felt.tokens = addTokens(felt.tokens, count);
}

function addTokens(to: TokenCount | undefined, more: TokenCount): TokenCount {
  return {
    asked: (to?.asked ?? 0) + more.asked,
    answered: (to?.answered ?? 0) + more.answered,
    streamed: (to?.streamed ?? 0) + more.streamed,
    streamMs: (to?.streamMs ?? 0) + more.streamMs,
  };
}

function feltBy(row: Row, caller: string): Felt {
  row.byCaller ??= {};
  return (row.byCaller[caller] ??= { failed: 0, refused: 0, total: {} });
}

function feel(row: Row, { caller, status, totalMs }: Access): void {
  row.callers[caller] = (row.callers[caller] ?? 0) + 1;
  const felt = feltBy(row, caller);
  if (isFailed(status)) felt.failed++;
  if (status === 429) felt.refused++;
  if (totalMs >= 0) add(felt.total, totalMs);
}

function emptyRow(at: number, service: string, release: string): Row {
  return { at, service, release, statuses: {}, left: 0, callers: {}, total: {}, queue: {}, model: {} };
}

/** Rows put together: by release, or whatever `key` says. */
export function together(rows: readonly Row[], key: (row: Row) => string): Map<string, Row> {
  const all = new Map<string, Row>();
  for (const row of rows) {
    const known = all.get(key(row)) ?? emptyRow(row.at, row.service, row.release);
    all.set(key(row), known);
    known.left += row.left;
    for (const [status, count] of Object.entries(row.statuses))
      known.statuses[status] = (known.statuses[status] ?? 0) + count;
    for (const [caller, count] of Object.entries(row.callers))
      known.callers[caller] = (known.callers[caller] ?? 0) + count;
    for (const [caller, { failed, refused, total, tokens }] of Object.entries(row.byCaller ?? {})) {
      const felt = feltBy(known, caller);
      felt.failed += failed;
      felt.refused += refused;
      if (tokens !== undefined) felt.tokens = addTokens(felt.tokens, tokens);
      merge(felt.total, total);
    }
    if (row.tokens !== undefined) known.tokens = addTokens(known.tokens, row.tokens);
    merge(known.total, row.total);
    merge(known.queue, row.queue);
    merge(known.model, row.model);
  }
  return all;
}
