import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { Duplex } from "node:stream";

/** How a program ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  signal: AbortSignal;
  stdin?: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Called with each line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
}

function start(argv: readonly string[], options: SpawnOptions): ChildProcess {
  const [program, ...rest] = argv;
  if (program === undefined) throw new TypeError("an empty argv");
  return spawn(program, rest, options);
}

function lines(onLine: (line: string) => void): (chunk: string, end?: boolean) => void {
  let rest = "";
  return (chunk, end = false) => {
    const parts = (rest + chunk).split(/\r?\n|\r/);
    rest = end ? "" : (parts.pop() ?? "");
    for (const part of parts) if (part !== "") onLine(part);
  };
}

/**
 * Runs a program to its end. A non-zero exit is an answer, not an error.
 * Settles on `exit`, not on `close`: a program that leaves a child behind (ssh -f) keeps its pipes open.
 * @throws the spawn error (`code: ENOENT`), or AbortError
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<Ended> {
  options.signal.throwIfAborted();
  const child = start(argv, {
    stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    signal: options.signal,
  });
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    const feed = options.onLine && lines(options.onLine);
    child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
      out[name] += chunk;
      feed?.(chunk);
    });
    child[name]?.on("end", () => feed?.("", true));
  }
  if (options.stdin !== undefined) {
    child.stdin?.on("error", () => child.stdin?.destroy());
    child.stdin?.end(options.stdin);
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => {
      // What was written just before the end is still in the pipe: give it one short chance to arrive.
      const settle = () => resolve(status ?? 1);
      const timer = setTimeout(settle, 200);
      child.once("close", () => {
        clearTimeout(timer);
        settle();
      });
    });
  });
  child.stdout?.destroy();
  child.stderr?.destroy();
  return { code, ...out };
}

/** Runs a program with this terminal as its own and returns its exit code; `signal` asks it to end (SIGTERM). */
export async function attach(argv: readonly string[], signal?: AbortSignal): Promise<number> {
  const child = start(argv, { stdio: "inherit" });
  const end = (): void => void child.kill("SIGTERM");
  signal?.addEventListener("abort", end, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (status) => resolve(status ?? 1));
    });
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

/** Starts a program that outlives this one, with nothing attached to it. */
export function detach(argv: readonly string[], env: NodeJS.ProcessEnv): void {
  const child = start(argv, { stdio: "ignore", detached: true, env });
  child.once("error", () => child.removeAllListeners());
  child.unref();
}

/** A program whose stdin and stdout are a byte stream, like a socket; `said()` is what it wrote to stderr. */
export function pipe(argv: readonly string[]): { stream: Duplex; said: () => string; child: ChildProcess } {
  const child = start(argv, { stdio: ["pipe", "pipe", "pipe"] });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr = (stderr + chunk).slice(-4000);
  });
  if (child.stdin === null || child.stdout === null) throw new TypeError("no pipes");
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  // Whoever uses the stream learns of its end by `close`; ending a program early is no error of its own.
  stream.on("error", (error) => (stderr += `\n${error.message}`));
  child.stdin.on("error", (error) => (stderr += `\n${error.message}`));
  child.once("error", (error) => stream.destroy(error));
  stream.once("close", () => child.kill());
  // The streams of a child keep the event loop alive; an http agent that parks this one must not.
  Object.assign(stream, {
    ref: () => child.ref(),
    unref: () => child.unref(),
    setKeepAlive: () => stream,
    setNoDelay: () => stream,
    setTimeout: () => stream,
  });
  return { stream, said: () => stderr, child };
}

/** Quotes one word for a POSIX shell. The only place that quotes. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A script as the one word that ssh hands to a login shell, whichever that is: a POSIX shell, csh, fish or nushell. All of
 * them take a single-quoted word as it is, where it has neither quote, backslash, exclamation mark nor line break; so
 * those travel as octal escapes, and `sh` reads them.
 */
export function forAnyShell(script: string): string {
  const escape = (character: string): string => `\\0${character.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return `sh -c 'eval "$(printf %b "$0")"' '${script.replaceAll(/['\\!\n\r]/g, escape)}'`;
}
