import { asFailure, type Failure } from "../base/failure.ts";
import { deadline, type Hold, joined, since } from "drayage-clock";
import { type Context, under } from "./context.ts";
import type { News } from "./happening.ts";
import { numbered, type Plan, type Stage, type Step } from "./plan.ts";

/** Takes back what one step did. */
export type Undo = (context: Context) => Promise<void>;

/** Does one step; what it returns can take it back, and be noted beside it. */
export type Perform<S extends Step, C extends Context = Context> = (
  step: S,
  context: C,
) => Promise<{ undo?: Undo; note?: string } | void>;

const UNDO_DEADLINE_MS = 60_000;

/**
 * Carries a plan out, stage by stage, the steps of a stage side by side.
 * On failure or abort before the point of no return, everything done is taken back, last first,
 * under a deadline of its own.
 * @throws Failure of the step that failed first
 */
export async function carryOut<S extends Step, C extends Context>(
  plan: Plan<S>,
  perform: Perform<S, C>,
  context: C,
  undoMs: number = UNDO_DEADLINE_MS,
): Promise<void> {
  const course: Course<S> = { done: [], holds: [] };
  try {
    for (const stage of numbered(plan).stages) {
      const failure = await carryOutStage(stage, perform, context, course);
      if (failure === undefined) continue;
      if (stage.onFailure === "warn") {
        const hint = failure.hint === undefined ? "" : `; ${failure.hint}`;
        context.emit({ type: "warning", text: `${stage.title}: ${failure.message}${hint}` });
        continue;
      }
      if (stage.onFailure === "undo") await takeBack(course.done, context, undoMs);
      throw failure;
    }
  } finally {
    for (const hold of course.holds) hold[Symbol.dispose]();
  }
}

/** What is remembered until the plan is carried out. */
interface Course<S extends Step> {
  done: { step: S; undo: Undo }[];
  /** The stages' signals: what a stage began, a connection say, may be of use to a later one and must still be stopped. */
  holds: Hold[];
}

async function carryOutStage<S extends Step, C extends Context>(
  stage: Stage<S>,
  perform: Perform<S, C>,
  context: C,
  course: Course<S>,
): Promise<Failure | undefined> {
  // A step that fails stops its neighbours: waiting for a transfer that will be thrown away helps nobody.
  const stop = new AbortController();
  const both = joined([context.signal, stop.signal]);
  course.holds.push(both);
  const inner = under(context, both.signal);
  const failures: Failure[] = [];
  await Promise.all(
    stage.steps.map(async (step) => {
      try {
        const undo = await carryOutStep(step, perform, inner);
        if (undo !== undefined) course.done.push({ step, undo });
      } catch (error) {
        failures.push(asFailure(error));
        stop.abort();
      }
    }),
  );
  return failures[0];
}

async function carryOutStep<S extends Step, C extends Context>(
  step: S,
  perform: Perform<S, C>,
  context: C,
): Promise<Undo | undefined> {
  context.signal.throwIfAborted();
  const about = aboutStep(step);
  const startedAt = performance.now();
  context.emit({ type: "step.started", ...about });
  try {
    const result = await perform(step, { ...context, emit: (news) => context.emit(ofStep(news, step)) });
    const note = result?.note;
    context.emit({ type: "step.done", ...about, ms: since(startedAt), ...(note === undefined ? {} : { note }) });
    return result?.undo;
  } catch (error) {
    const failure = asFailure(error);
    context.emit({ type: "step.failed", ...about, code: failure.code, message: failure.message });
    throw failure;
  }
}

function aboutStep({ kind, on, title, id }: Step): { step: string; on: string; title: string; id?: string } {
  return { step: kind, on, title, ...(id === undefined ? {} : { id }) };
}

/** What a step tells of itself, with its id: two replicas are started side by side under one kind. */
function ofStep(news: News, { kind, on, id }: Step): News {
  if (id === undefined || news.type === "planned" || !("on" in news) || news.on !== on) return news;
  if (news.type === "trial" || news.type === "shadow") return { ...news, id };
  return news.type === "step.progress" && news.step === kind ? { ...news, id } : news;
}

async function takeBack(done: { step: Step; undo: Undo }[], context: Context, undoMs: number): Promise<void> {
  using limit = deadline(undoMs);
  const fresh = under(context, limit.signal);
  for (const { step, undo } of done.toReversed()) {
    try {
      await undo(fresh);
      context.emit({ type: "step.undone", ...aboutStep(step) });
    } catch (error) {
      context.emit({
        type: "warning",
        text: `could not take back "${step.title}" on ${step.on}: ${asFailure(error).message}`,
      });
    }
  }
}
