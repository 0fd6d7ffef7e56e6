import { type Code, CODES } from "./codes.ts";

/** Where in a file something is wrong; `line` and `column` count from 1. */
export interface FailurePlace {
  file: string;
  line: number;
  column: number;
  /** The lines around the place, ready to print. */
  frame?: string;
}

interface FailureOptions {
  hint?: string;
  place?: FailurePlace;
  /** More evidence, a line each: last log lines, what listens where. */
  details?: readonly string[];
  cause?: unknown;
}

/** The one kind of error that is meant for a user: a code, one sentence, and what to do next. */
export class Failure extends Error {
  readonly code: Code;
  readonly hint: string | undefined;
  readonly place: FailurePlace | undefined;
  readonly details: readonly string[];

  constructor(code: Code, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.hint = options.hint;
    this.place = options.place;
    this.details = options.details ?? [];
  }

  get exitCode(): number {
    return CODES[this.code][0];
  }
}

/** A deadline that passed; who listens to a signal may put an AbortError of its own around it. */
function isLate(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  if (error.name === "TimeoutError") return true;
  return error.name === "AbortError" && error.cause instanceof Error && error.cause.name === "TimeoutError";
}

/** Ends of connections, as Node names them: a link that was cut, an engine that was killed. */
const LOST = new Set(["ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT", "ENOTCONN", "EHOSTUNREACH", "ENETUNREACH"]);

/** A connection that ended in the middle of the work. */
export function connectionLost(message: string, cause?: unknown): Failure {
  return new Failure("connection-lost", message, {
    hint: "run the same command again: it finishes what was begun; dray trace says where the way to a machine breaks",
    cause,
  });
}

/** Anything thrown, as a Failure: deadlines become `timed-out`, aborts `interrupted`, cut links `connection-lost`, surprises `bug`. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (isLate(error)) {
    return new Failure("timed-out", "there was no answer in time", {
      hint: "run the same command again; dray trace says where the way to a service ends",
      details: error.cause instanceof Error ? [error.cause.message] : [error.message],
      cause: error,
    });
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new Failure("interrupted", "stopped before it was done", { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  if (LOST.has((error as NodeJS.ErrnoException | undefined)?.code ?? ""))
    return connectionLost(`a connection ended in the middle: ${message}`, error);
  return new Failure("bug", message, {
    cause: error,
    hint: "run it again with DRAY_DEBUG=1 and report what it prints",
  });
}
