import { asFailure, Failure } from "../../base/failure.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { Happening, News } from "../../core/happening.ts";
import type { RunAbout, RunEnd, RunResult, ToldFailure } from "../../core/run.ts";
import { since } from "drayage-clock";
import { Journal, newRunId } from "./journal.ts";

/** What a verb hands back, and what of it is told as the run's result. */
export interface Doing<T> {
  act: (session: VerbSession) => Promise<T>;
  result?: (done: T) => RunResult;
}

/**
 * Does a verb that changes something as a run: all that it tells carries the run's id, and is written to its journal on
 * this computer. A journal that cannot be written is told, and stops nothing. @throws what `act` throws
 */
export async function inRun<T>(about: RunAbout, { act, result }: Doing<T>, session: VerbSession): Promise<T> {
  const startedAt = performance.now();
  const told = await openTold(session);
  const ended = (end: RunEnd, more: { result?: RunResult; failure?: ToldFailure }): void => {
    told.emit({ type: "run.ended", ms: since(startedAt), end, ...more });
    told.close();
  };
  told.emit({ type: "run.started", who: session.who, ...about });
  try {
    const done = await act({ ...session, emit: told.emit });
    ended("done", result === undefined ? {} : { result: result(done) });
    return done;
  } catch (error) {
    const failure = session.signal.aborted ? stopped() : asFailure(error);
    ended(endOf(failure), { failure: toldFailure(failure) });
    throw error;
  }
}

/** Ctrl-C looks different to each act that it stops; people are told one thing. */
export function stopped(): Failure {
  return new Failure("interrupted", "stopped; what was begun has been taken back");
}

function endOf({ code }: Failure): RunEnd {
  if (code === "interrupted") return "stopped";
  return code === "usage.declined" ? "declined" : "failed";
}

function toldFailure({ code, message, hint, details, exitCode }: Failure): ToldFailure {
  return { code, message, ...(hint === undefined ? {} : { hint }), details, exitCode };
}

/** Where the happenings of a run go: to whoever listens, and to its journal. */
interface Told {
  emit: (news: News) => void;
  close: () => void;
}

async function openTold(session: VerbSession): Promise<Told> {
  const run = newRunId();
  let journal: Journal | undefined;
  const lost = (error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    session.emit({ type: "warning", run, text: `this run is not in the journal, dray runs will not show it: ${why}` });
    journal?.close();
    journal = undefined;
  };
  if (session.journal !== undefined) journal = await opened(session.journal, run, lost);
  const emit = (news: News): void => {
    const mine: News = { ...identified(news), run };
    session.emit(mine);
    try {
      journal?.write(stamped(mine));
    } catch (error) {
      lost(error);
    }
  };
  return { emit, close: () => journal?.close() };
}

async function opened(folder: string, run: string, lost: (error: unknown) => void): Promise<Journal | undefined> {
  try {
    return await Journal.open(folder, run);
  } catch (error) {
    lost(error);
    return undefined;
  }
}

/** A step that stands beside the plan, as building the image does, is known by where and what it is. */
function identified(news: News): News {
  return "step" in news && news.id === undefined ? { ...news, id: `${news.on}/${news.step}` } : news;
}

const stamped = (news: News): Happening => ({ v: 1, at: new Date().toISOString(), ...news });
