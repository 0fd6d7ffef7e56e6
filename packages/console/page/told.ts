import type { News } from "./types.ts";

/** A step as it stands. */
export interface StepTold {
  title: string;
  on: string;
  state: "running" | "done" | "failed" | "undone";
  ms?: number;
  done?: number;
  total?: number;
  unit?: "bytes" | "count";
  note?: string;
}

export type ShadowTold = News & { type: "shadow" };
export type Trial = News & { type: "trial" };

/** What a run has told so far. */
export interface Told {
  started?: News & { type: "run.started" };
  plan?: (News & { type: "planned" })["plan"];
  steps: ReadonlyMap<string, StepTold>;
  /** The last word of each canary, by place and share. */
  trials: ReadonlyMap<string, Trial>;
  /** The last word of each shadow, by place. */
  shadows: ReadonlyMap<string, ShadowTold>;
  lines: readonly string[];
  warnings: readonly string[];
  ended?: News & { type: "run.ended" };
}

export const NOTHING_TOLD: Told = { steps: new Map(), trials: new Map(), shadows: new Map(), lines: [], warnings: [] };

const MOST_LINES = 200;

/** Takes one more happening in. */
export function toldWith(told: Told, news: News): Told {
  switch (news.type) {
    case "run.started":
      return { ...told, started: news };
    case "planned":
      return { ...told, plan: news.plan };
    case "step.started":
    case "step.progress":
    case "step.done":
    case "step.failed":
    case "step.undone":
      return { ...told, steps: withStep(told.steps, news) };
    case "trial":
      return { ...told, trials: new Map(told.trials).set(`${news.on} ${news.share}`, news) };
    case "shadow":
      return { ...told, shadows: new Map(told.shadows).set(news.on, news) };
    case "line":
      return { ...told, lines: [...told.lines.slice(1 - MOST_LINES), news.text] };
    case "warning":
      return { ...told, warnings: [...told.warnings, news.text] };
    case "run.ended":
      return { ...told, ended: news };
    default:
      return told;
  }
}

type StepNews = Extract<News, { step: string }>;

function withStep(steps: Told["steps"], news: StepNews): Told["steps"] {
  const key = news.id ?? `${news.on}/${news.step}`;
  const before: StepTold = steps.get(key) ?? { title: news.step, on: news.on, state: "running" };
  return new Map(steps).set(key, { ...before, ...partOf(news) });
}

function partOf(news: StepNews): Partial<StepTold> {
  switch (news.type) {
    case "step.started":
      return { title: news.title, state: "running" };
    case "step.progress": {
      const { done, total, unit, note } = news;
      return { done, unit, ...(total === undefined ? {} : { total }), ...(note === undefined ? {} : { note }) };
    }
    case "step.done":
      return { title: news.title, state: "done", ms: news.ms, ...(news.note === undefined ? {} : { note: news.note }) };
    case "step.failed":
      return { title: news.title, state: "failed", note: news.message };
    default:
      return { title: news.title, state: "undone" };
  }
}
