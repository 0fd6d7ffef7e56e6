import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import prettyBytes from "pretty-bytes";
import prettyMs from "pretty-ms";
import { plainIn } from "./plain.ts";
import type { News } from "../../core/happening.ts";
import type { Plan } from "../../core/plan.ts";

/** Shows happenings. One per command; `close` leaves the last picture standing. */
export interface Screen {
  emit: (news: News) => void;
  close: () => void;
}

type Style = Parameters<typeof styleText>[0];

/** Colours only on a terminal that wants them (https://no-color.org). */
export function paint(style: Style, said: string): string {
  const wanted = process.stderr.isTTY && process.env["NO_COLOR"] === undefined && process.env["TERM"] !== "dumb";
  return wanted ? styleText(style, said) : said;
}

/** Happenings as JSON, one a line, on stderr: stdout belongs to the result. */
export function jsonScreen(): Screen {
  return {
    emit: (news) => process.stderr.write(`${JSON.stringify({ v: 1, at: new Date().toISOString(), ...news })}\n`),
    close: () => undefined,
  };
}

/** Plain lines, for pipes and CI. */
export function lineScreen(): Screen {
  const told = new Map<string, Told>();
  return {
    emit: (heard) => {
      const news = plainIn(heard);
      const line = news.type === "step.progress" ? newPhase(told, news) : plainLine(news);
      if (line !== undefined) process.stderr.write(`${line}\n`);
    },
    close: () => undefined,
  };
}

/** The last words about a step's progress, and when they were said. */
interface Told {
  phase: string;
  at: number;
}

/** What is counted has new words each second: a pipe gets them so often. */
const COUNTED_MS = 10_000;

/** Of what only has words for its progress: a line for each new word, not for each second. */
function newPhase(told: Map<string, Told>, news: News & { type: "step.progress" }): string | undefined {
  const { on, step, note, total } = news;
  const phase = note?.replaceAll(/[\d.]+ *(s|%)/g, "").trim();
  const [key, at] = [`${on} ${step}`, performance.now()];
  const before = told.get(key);
  if (phase === undefined || phase === "" || before?.phase === phase) return undefined;
  if (total !== undefined && before !== undefined && at - before.at < COUNTED_MS) return undefined;
  told.set(key, { phase, at });
  return `${on}: ... ${phase}`;
}

function plainLine(news: News): string | undefined {
  switch (news.type) {
    case "step.done":
      return `${news.on}: ${news.title} (${prettyMs(news.ms)}${news.note === undefined ? "" : `, ${news.note}`})`;
    case "step.failed":
      return `${news.on}: FAILED ${news.title}: ${news.message}`;
    case "step.undone":
      return `${news.on}: undone: ${news.title}`;
    case "line":
      return `${news.on} | ${news.text}`;
    case "warning":
      return `warning: ${news.text}`;
    case "trial":
      return news.leftMs === 0 ? `${news.on}: ${trialText(news)}` : undefined;
    case "serving":
      return `${news.on}: ${news.release} is serving after ${prettyMs(news.ms)}`;
    default:
      return undefined;
  }
}

interface Row {
  on: string;
  title: string;
  state: "running" | "done" | "failed" | "undone";
  note: string;
}

/** A live list of steps, redrawn in place. */
export function liveScreen(): Screen {
  const draw = createLogUpdate(process.stderr);
  const rows = new Map<string, Row>();
  let tail: string[] = [];
  let closed = false;
  const mark: Record<Row["state"], string> = {
    running: paint("yellow", "•"),
    done: paint("green", "✓"),
    failed: paint("red", "✗"),
    undone: paint("dim", "↩"),
  };
  const redraw = (): void => {
    const several = new Set([...rows.values()].map((row) => row.on)).size > 1;
    const lines = [...rows.values()].map(
      (row) => `${mark[row.state]} ${several ? `${row.on}: ` : ""}${row.title}  ${paint("dim", row.note)}`,
    );
    draw([...lines, ...tail.map((line) => paint("dim", `  ${line}`))].join("\n"));
  };
  const put = (news: { on: string; title: string }, state: Row["state"], note: string): void => {
    rows.set(`${news.on} ${news.title}`, { on: news.on, title: news.title, state, note });
    tail = [];
    redraw();
  };
  const started = new Map<string, number>();
  const titles = new Map<string, string>();
  return {
    emit: (heard) => {
      const news = plainIn(heard);
      if (news.type === "step.started") {
        started.set(`${news.on} ${news.step}`, performance.now());
        titles.set(`${news.on} ${news.step}`, news.title);
        put(news, "running", "");
      } else if (news.type === "step.done")
        put(news, "done", [prettyMs(news.ms), news.note].filter(Boolean).join(", "));
      else if (news.type === "step.failed") put(news, "failed", news.code);
      else if (news.type === "step.undone") put(news, "undone", "undone");
      else if (news.type === "step.progress") {
        const key = `${news.on} ${news.step}`;
        const title = titles.get(key);
        if (title !== undefined)
          put(
            { on: news.on, title },
            "running",
            news.note ?? progress(news.done, news.total ?? 0, performance.now() - (started.get(key) ?? 0)),
          );
      } else if (news.type === "trial") {
        const key = `${news.on} ${news.share === 100 ? "bake" : "canary"}`;
        const title = titles.get(key);
        if (title !== undefined) put({ on: news.on, title }, "running", trialText(news));
      } else if (news.type === "shadow") {
        const title = titles.get(`${news.on} shadow`);
        if (title !== undefined) put({ on: news.on, title }, "running", shadowText(news));
      } else if (news.type === "line") {
        tail = [...tail, news.text.slice(0, (process.stderr.columns ?? 80) - 4)].slice(-5);
        redraw();
      } else if (news.type === "warning") draw.persist(`${paint("yellow", "warning:")} ${news.text}`);
    },
    close: () => {
      if (closed) return;
      closed = true;
      tail = [];
      redraw();
      draw.done();
    },
  };
}

/** The new release and the old one, side by side. */
function trialText({ fresh, old, leftMs }: News & { type: "trial" }): string {
  const said = ({ count, failed, p95Ms }: typeof fresh): string =>
    `${count} answers, ${failed} failed, p95 ${Math.round(p95Ms)} ms`;
  const left = leftMs > 0 ? ` | ${prettyMs(Math.ceil(leftMs / 1000) * 1000)} left` : "";
  return `new: ${said(fresh)} | old: ${said(old)}${left}`;
}

function shadowText({ report, leftMs }: News & { type: "shadow" }): string {
  const { compared, agreement, live, shadow } = report;
  const left = leftMs > 0 ? ` | ${prettyMs(Math.ceil(leftMs / 1000) * 1000)} left` : "";
  return `${compared} compared, ${(agreement * 100).toFixed(1)} % agree | p95 ${shadow.p95Ms} ms, live ${live.p95Ms} ms${left}`;
}

const BAR = 20;

/** A bar, the bytes, and how long it will take at the speed so far. */
function progress(done: number, total: number, ms: number): string {
  if (total === 0) return "";
  const filled = Math.round((done / total) * BAR);
  const eta = done > 0 ? prettyMs(Math.round(((total - done) * ms) / done / 1000) * 1000) : "?";
  return `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${prettyBytes(done)} of ${prettyBytes(total)}, ${eta} left`;
}

/** A plan as a diff. */
export function planText(plan: Plan): string {
  const changes = plan.changes.map(({ what, before, after }) => {
    if (before === undefined) return paint("green", `  + ${what} ${after}`);
    if (after === undefined) return paint("red", `  - ${what} ${before}`);
    return paint("yellow", `  ~ ${what} ${before} -> ${after}`);
  });
  const steps = plan.stages.flatMap((stage) => stage.steps.map((step) => `  ${step.on}: ${step.title}`));
  const notes = (plan.notes ?? []).map((note) => paint("yellow", `  ! ${note}`));
  return [`${plan.service}:`, ...changes, ...notes, "steps:", ...steps].join("\n");
}
