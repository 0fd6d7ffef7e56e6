import type { ShadowReport } from "drayage-keeper";
import type { Numbers } from "./judge.ts";
import type { Plan } from "./plan.ts";

/** Everything that can be told while a command runs. Version 1: fields may be added, never changed. */
export type Happening = { v: 1; at: string } & (
  | { type: "planned"; plan: Plan }
  | { type: "step.started"; step: string; on: string; title: string }
  | {
      type: "step.progress";
      step: string;
      on: string;
      done: number;
      total?: number;
      unit: "bytes" | "count";
      /** In words, where there is nothing to count. */
      note?: string;
    }
  | { type: "step.done"; step: string; on: string; title: string; ms: number; note?: string }
  | { type: "step.undone"; step: string; on: string; title: string }
  | { type: "step.failed"; step: string; on: string; title: string; code: string; message: string }
  | { type: "line"; on: string; text: string }
  | { type: "warning"; text: string }
  | { type: "trial"; on: string; release: string; share: number; leftMs: number; fresh: Numbers; old: Numbers }
  | { type: "shadow"; on: string; release: string; leftMs: number; report: ShadowReport }
  | { type: "serving"; on: string; release: string; ms: number }
);

type WithoutStamp<T> = T extends unknown ? Omit<T, "v" | "at"> : never;

/** A happening before it is stamped with version and time. */
export type News = WithoutStamp<Happening>;
