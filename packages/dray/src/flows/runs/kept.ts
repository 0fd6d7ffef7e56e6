import { open, readdir, readFile, stat } from "node:fs/promises";
import { uptime } from "node:os";
import { sleep } from "drayage-clock";
import { isDead } from "../../base/computer.ts";
import { Failure } from "../../base/failure.ts";
import type { Happening } from "../../core/happening.ts";
import type { RunSummary } from "../../core/run.ts";
import { fileOf, idIn } from "./folder.ts";
import { JOURNAL_VERSION, type JournalHead } from "./journal.ts";

/** A run with all that was told of it. */
export interface KeptRun extends RunSummary {
  happenings: Happening[];
}

/** The runs whose journals are on this computer, the newest first. Files that are no journals are passed over. */
export async function listRuns(folder: string | undefined): Promise<RunSummary[]> {
  const ids = await idsIn(folder);
  const runs = await Promise.all(ids.map(async (id) => await summaryOf(folder, id).catch(passedOver)));
  return runs.filter((run) => run !== undefined).toSorted((one, two) => two.startedAt.localeCompare(one.startedAt));
}

/** Runs that are over, by folder and id: who lists them every other second reads each journal once. */
const finished = new Map<string, RunSummary>();

async function summaryOf(folder: string | undefined, id: string): Promise<RunSummary> {
  const key = `${folder} ${id}`;
  const known = finished.get(key);
  if (known !== undefined) return known;
  const { happenings: _all, ...run } = await readRun(folder, id);
  if (run.state !== "running") finished.set(key, run);
  return run;
}

/** What another version wrote, or what was taken away meanwhile, is no reason to show nothing. */
function passedOver(error: unknown): undefined {
  if (!(error instanceof Failure)) throw error;
}

/** One run. `id`: or as much of its beginning or its end as no other has. @throws Failure runs.unknown, runs.unreadable */
export async function readRun(folder: string | undefined, id: string): Promise<KeptRun> {
  const { run, file } = await find(folder, id);
  const [text, { mtimeMs }] = await Promise.all([readFile(file, "utf8"), stat(file)]).catch((error: unknown) => {
    throw new Failure("runs.unreadable", `the journal of ${run} cannot be read: ${String(error)}`, { cause: error });
  });
  const [head, ...happenings] = text.split("\n").map(parsed);
  if (!isHead(head)) throw unreadable(run, "its first line is no journal's");
  if (head.journal > JOURNAL_VERSION) throw newer(run, head.journal);
  const told = happenings.filter(isHappening);
  return { ...summary(run, told, (await hasEnded(head, told, mtimeMs)) ? "cut off" : "running"), happenings: told };
}

const POLL_MS = 200;

/**
 * What is told of a run, from its beginning on, while it is told: also when another process does it. Ends with the run, or
 * when its process has ended without a word. @throws Failure runs.unknown, runs.unreadable; AbortError
 */
export async function* followRun(
  folder: string | undefined,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<Happening> {
  const { run, file } = await find(folder, id);
  const lines = new LineReader(file);
  let head: JournalHead | undefined;
  for (;;) {
    // Looked at first: what it wrote last is read before it is called dead.
    const over = head !== undefined && (await hasEnded(head, [], (await stat(file)).mtimeMs));
    for (const value of (await lines.more()).map(parsed)) {
      if (head === undefined) head = headOf(run, value);
      else if (isHappening(value)) {
        yield value;
        if (value.type === "run.ended") return;
      }
    }
    if (over) return;
    await sleep(POLL_MS, signal);
  }
}

/** A journal's first line. @throws Failure runs.unreadable */
function headOf(run: string, value: unknown): JournalHead {
  if (!isHead(value)) throw unreadable(run, "its first line is no journal's");
  if (value.journal > JOURNAL_VERSION) throw newer(run, value.journal);
  return value;
}

/** Whole lines of a file that grows. */
class LineReader {
  readonly #file: string;
  #at = 0;
  #rest = "";
  readonly #decoder = new TextDecoder();

  constructor(file: string) {
    this.#file = file;
  }

  async more(): Promise<string[]> {
    await using file = await open(this.#file);
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(size - this.#at, 0)), 0, null, this.#at);
    this.#at += bytesRead;
    const lines = (this.#rest + this.#decoder.decode(buffer.subarray(0, bytesRead), { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines;
  }
}

async function idsIn(folder: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  const files = await readdir(folder).catch(() => []);
  return files
    .map(idIn)
    .filter((id) => id !== undefined)
    .toSorted();
}

async function find(folder: string | undefined, id: string): Promise<{ run: string; file: string }> {
  const ids = await idsIn(folder);
  const fitting = ids.filter((each) => each.startsWith(id) || each.endsWith(`-${id}`));
  const [run, other] = id === "" ? [] : fitting;
  if (folder !== undefined && run !== undefined && other === undefined) return { run, file: fileOf(folder, run) };
  const why =
    run === undefined ? `there is no run ${id} on this computer` : `${fitting.length} runs are called ${id}...`;
  throw new Failure("runs.unknown", why, { hint: "dray runs lists them" });
}

/** What a line says; undefined: it is empty, or the disk had no room for all of it. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function isHead(value: unknown): value is JournalHead {
  return typeof value === "object" && value !== null && "journal" in value && typeof value.journal === "number";
}

function isHappening(value: unknown): value is Happening {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

const unreadable = (run: string, why: string): Failure =>
  new Failure("runs.unreadable", `the journal of ${run} cannot be read: ${why}`);

function newer(run: string, version: number): Failure {
  const why = `a newer dray wrote it, in version ${version} of the form, and this one knows ${JOURNAL_VERSION}`;
  return new Failure("runs.unreadable", `the journal of ${run} cannot be read: ${why}`, { hint: "dray upgrade" });
}

/** A process of another computer cannot be asked; one that has said nothing for so long has ended. */
const SILENT_MS = 86_400_000;

/** Has the run no more to say? */
async function hasEnded({ process }: JournalHead, told: readonly Happening[], lastMs: number): Promise<boolean> {
  if (told.some(({ type }) => type === "run.ended")) return true;
  // Numbers of processes begin anew with the computer.
  const bootedMs = Date.now() - uptime() * 1000;
  return lastMs < bootedMs || Date.now() - lastMs > SILENT_MS || (await isDead(process));
}

function summary(id: string, told: readonly Happening[], unended: "running" | "cut off"): RunSummary {
  const started = told.find((each) => each.type === "run.started");
  const ended = told.find((each) => each.type === "run.ended");
  if (started === undefined) throw unreadable(id, "it does not say what was begun");
  const { verb, service, target, places, what, who, at } = started;
  const lastMs = Date.parse(told.at(-1)?.at ?? at) - Date.parse(at);
  const serving = told.filter((each) => each.type === "serving").map(({ release }) => release);
  return {
    id,
    verb,
    ...(service === undefined ? {} : { service }),
    ...(target === undefined ? {} : { target }),
    ...(what === undefined ? {} : { what }),
    places,
    who,
    startedAt: at,
    state: ended?.end ?? unended,
    ms: ended?.ms ?? lastMs,
    releases: [...new Set(ended?.result?.served.map(({ release }) => release) ?? serving)],
    ...(ended?.failure === undefined ? {} : { failure: ended.failure }),
  };
}
