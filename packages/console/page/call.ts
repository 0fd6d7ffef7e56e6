import { breather } from "./turns.ts";
import type { Failed, Line } from "./types.ts";

let token = "";

/** Takes the token out of the address, where nobody but this page sees it from now on. */
export function takeToken(): void {
  const { hash, pathname } = location;
  if (/^#[\w-]{40,}$/.test(hash)) {
    token = hash.slice(1);
    history.replaceState(null, "", pathname);
  }
}

/** Whether this page may ask anything: one that was loaded again has lost its token. */
export function hasToken(): boolean {
  return token !== "";
}

/** A call that was refused, or got no answer. */
class CallError extends Error {
  readonly failed: Failed;

  constructor(failed: Failed) {
    super(failed.message);
    this.failed = failed;
  }
}

const GONE: Failed = {
  code: "console.ended",
  message: "The console has ended.",
  hint: "dray console starts it again, with a new address",
};

/** Asks the server, and hands each line of the answer over as it comes. @throws CallError */
export async function call(
  name: string,
  body: object,
  onLine: (line: Line) => void,
  signal?: AbortSignal,
): Promise<void> {
  const answer = await fetch(`/api/${name}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error;
    throw new CallError(GONE);
  });
  if (!answer.ok) throw new CallError(((await answer.json()) as { failed: Failed }).failed);
  const breathe = breather();
  for await (const line of linesOf(answer)) {
    onLine(JSON.parse(line) as Line);
    // A journal comes at once, and is taken in piece by piece.
    await breathe();
  }
}

async function* linesOf(answer: Response): AsyncGenerator<string> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) break;
    const lines = (rest + part.value).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}

/** Asks for one thing. @throws CallError */
export async function callOnce<T>(
  name: string,
  body: object,
  onLine: (line: Line) => void = () => undefined,
): Promise<T> {
  let last: Line = {};
  await call(name, body, (line) => {
    if (line.found !== undefined || line.failed !== undefined) last = line;
    onLine(line);
  });
  if (last.failed !== undefined) throw new CallError(last.failed);
  return last.found as T;
}

/** Anything thrown, as something to show. */
export function failedOf(error: unknown): Failed {
  if (error instanceof CallError) return error.failed;
  return { code: "console", message: error instanceof Error ? error.message : String(error) };
}
