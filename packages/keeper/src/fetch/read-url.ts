import { deadline, orAborted, sleep } from "drayage-clock";
import { FetchError, type WeightFile } from "./job.ts";

/** A line that has brought nothing for so long is dead. */
const STALL_MS = 30_000;
/** A server that has not begun to answer by then. */
const HEAD_MS = 30_000;
/** Attempts in a row that brought nothing, until it is given up. */
const TRIES = 8;
const SLOWEST_MS = 5000;

type Source = Pick<WeightFile, "url" | "headers" | "path">;

/** What a server says of a file before its bytes are asked for. */
export interface Probe {
  bytes: number | undefined;
  /** It gives parts of it, so that a cut costs little and several connections share the work. */
  ranges: boolean;
  /** The server's own name for these very bytes. */
  etag: string | undefined;
}

/** Asks how large a file is, and whether parts of it can be had. @throws FetchError */
export async function probe(source: Source, signal: AbortSignal): Promise<Probe> {
  return await patiently(source, signal, async () => {
    const answer = await ask(source, { from: 0, to: 1 }, signal);
    await answer.body?.cancel();
    const etag = answer.headers.get("etag") ?? undefined;
    const total = /\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1];
    if (answer.status === 206 && total !== undefined) return { bytes: Number(total), ranges: true, etag };
    // Nothing to give a part of is answered so (RFC 9110, 15.5.17).
    if (answer.status === 416) return { bytes: 0, ranges: false, etag };
    const length = answer.headers.get("content-length");
    return { bytes: length === null ? undefined : Number(length), ranges: false, etag };
  });
}

/** The bytes from `from` up to `to`, however often the line is cut. @throws FetchError */
export async function* readRange(
  source: Source,
  { from, to }: { from: number; to: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let at = from;
  let idle = 0;
  while (at < to) {
    try {
      const answer = await ask(source, { from: at, to }, signal);
      if (answer.status !== 206)
        throw new FetchError("cut", `${hostOf(source)} stopped giving parts of ${source.path}`);
      for await (const bytes of bodyOf(answer, signal)) {
        idle = 0;
        at += bytes.length;
        yield bytes;
      }
      if (at < to) throw new Error("the connection ended early");
    } catch (error) {
      idle = await again(source, isGone(error) ? error.cause : error, idle, signal);
    }
  }
}

/** A server that was there a moment ago may be so again. */
const isGone = (error: unknown): error is FetchError => error instanceof FetchError && error.why === "unreachable";

/** All bytes in one go, of a server that gives no parts. */
export async function* readWhole(source: Source, signal: AbortSignal): AsyncGenerator<Buffer> {
  const answer = await ask(source, undefined, signal);
  yield* bodyOf(answer, signal);
}

async function patiently<T>(source: Source, signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  for (let idle = 0; ;) {
    try {
      return await act();
    } catch (error) {
      idle = await again(source, error, idle, signal);
    }
  }
}

/** Waits a while before the next attempt; what will be no better then is thrown. */
async function again(source: Source, error: unknown, idle: number, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  if (error instanceof FetchError && error.why !== "cut") throw error;
  if (idle + 1 >= TRIES) throw new FetchError("cut", `${hostOf(source)}: ${words(error)}`, error);
  await sleep(Math.min(SLOWEST_MS, 100 * 2 ** idle), signal);
  return idle + 1;
}

const NOWHERE = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT"]);

/** One request. Redirects are followed; another host is not shown the headers that let this one in. @throws FetchError */
async function ask(
  source: Source,
  range: { from: number; to: number } | undefined,
  signal: AbortSignal,
): Promise<Response> {
  const { url = "", headers = {} } = source;
  using limit = deadline(HEAD_MS, signal);
  const asked = { "accept-encoding": "identity", ...(range && { range: `bytes=${range.from}-${range.to - 1}` }) };
  const stop = new AbortController();
  let answer: Response;
  try {
    answer = await orAborted(fetch(url, { headers: { ...headers, ...asked }, signal: stop.signal }), limit.signal);
  } catch (error) {
    stop.abort();
    signal.throwIfAborted();
    const { code = "", message = "" } = cause(error);
    const nowhere = limit.signal.aborted || NOWHERE.has(code) || /CERT|SELF_SIGNED|UND_ERR_CONNECT/.test(code);
    if (nowhere) throw new FetchError("unreachable", `${hostOf(source)} is not reached: ${code || message}`, error);
    throw error;
  }
  return checked(source, answer);
}

function checked(source: Source, answer: Response): Response {
  const { status } = answer;
  if (answer.ok || status === 416) return answer;
  void answer.body?.cancel();
  const said = `${hostOf(source)} answers ${status} to ${source.path}`;
  if (status === 401 || status === 403) throw new FetchError("refused", said);
  if (status === 404 || status === 410) throw new FetchError("missing", said);
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) throw new FetchError("missing", said);
  throw new Error(said);
}

async function* bodyOf(answer: Response, signal: AbortSignal): AsyncGenerator<Buffer> {
  const reader = answer.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      using limit = deadline(STALL_MS, signal);
      const { done, value } = await orAborted(reader.read(), limit.signal);
      if (done) return;
      yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  } finally {
    // A line that is dead already cannot be ended once more.
    await reader.cancel().catch(() => undefined);
  }
}

/** Never the whole URL: it may be signed. */
function hostOf({ url = "" }: Source): string {
  return URL.canParse(url) ? new URL(url).host : "the source";
}

function cause(error: unknown): { code?: string; message?: string } {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return inner instanceof Error ? { code: (inner as NodeJS.ErrnoException).code ?? "", message: inner.message } : {};
}

const words = (error: unknown): string => cause(error).message ?? String(error);
