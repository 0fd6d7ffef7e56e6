import type { ShadowReport } from "drayage-keeper";
import type { Arithmetic, Numbers } from "./judge.ts";
import type { Plan } from "./plan.ts";
import type { RunAbout, RunEnd, RunResult, ToldFailure } from "./run.ts";

/** The step that a happening is of: its kind, where it is done, and its id, which no other step of the run has. */
interface OfStep {
  step: string;
  on: string;
  id?: string;
}

/**
 * Everything that can be told while a command runs. Version 1: fields may be added, never changed. `run` is the id of the
 * run that it belongs to; verbs that change nothing are no runs.
 */
export type Happening = { v: 1; at: string; run?: string } & (
  | ({ type: "run.started"; who: string } & RunAbout)
  | { type: "planned"; plan: Plan }
  | ({ type: "step.started"; title: string } & OfStep)
  | ({
      type: "step.progress";
      done: number;
      total?: number;
      unit: "bytes" | "count";
      /** In words, where there is nothing to count. */
      note?: string;
    } & OfStep)
  | ({ type: "step.done"; title: string; ms: number; note?: string } & OfStep)
  | ({ type: "step.undone"; title: string } & OfStep)
  | ({ type: "step.failed"; title: string; code: string; message: string } & OfStep)
  | { type: "line"; on: string; text: string }
  | { type: "warning"; text: string }
  /** `id`: the step that watches. */
  | {
      type: "trial";
      on: string;
      id?: string;
      release: string;
      share: number;
      leftMs: number;
      fresh: Numbers;
      old: Numbers;
      /** What a verdict on these numbers rests on. */
      arithmetic?: Arithmetic;
    }
  | { type: "shadow"; on: string; id?: string; release: string; leftMs: number; report: ShadowReport }
  | { type: "serving"; on: string; release: string; ms: number }
  | { type: "run.ended"; ms: number; end: RunEnd; result?: RunResult; failure?: ToldFailure }
);

type WithoutStamp<T> = T extends unknown ? Omit<T, "v" | "at"> : never;

/** A happening before it is stamped with version and time. */
export type News = WithoutStamp<Happening>;
