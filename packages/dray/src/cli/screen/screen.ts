import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import prettyMs from "pretty-ms";
import { drawnAfter, type Picture, type PictureRow, trialText } from "./picture.ts";
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
export function lineScreen(out: NodeJS.WritableStream = process.stderr): Screen {
  const told = new Map<string, Told>();
  return {
    emit: (heard) => {
      const news = plainIn(heard);
      const line = news.type === "step.progress" ? newPhase(told, news) : plainLine(news);
      if (line !== undefined) out.write(`${line}\n`);
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
  const [key, at] = [news.id ?? `${on} ${step}`, performance.now()];
  const before = told.get(key);
  if (phase === undefined || phase === "" || before?.phase === phase) return undefined;
  if (total !== undefined && before !== undefined && at - before.at < COUNTED_MS) return undefined;
  told.set(key, { phase, at });
  return `${on}: ... ${phase}`;
}

/** What happened in one line; undefined: it is not worth one. */
export function plainLine(news: News): string | undefined {
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

const MARKS: Record<PictureRow["state"], { mark: string; style: Style }> = {
  running: { mark: "•", style: "yellow" },
  done: { mark: "✓", style: "green" },
  failed: { mark: "✗", style: "red" },
  undone: { mark: "↩", style: "dim" },
};

function rowText({ on, title, state, note }: PictureRow, several: boolean): string {
  const { mark, style } = MARKS[state];
  return `${paint(style, mark)} ${several ? `${on}: ` : ""}${title}  ${paint("dim", note)}`;
}

/** The picture as lines; places are named where there are several. */
export function pictureText(picture: Picture): string {
  const rows = [...picture.values()];
  const several = new Set(rows.map((row) => row.on)).size > 1;
  return rows.map((row) => rowText(row, several)).join("\n");
}

/** Lines of a talkative step that are shown below the list until the next step. */
const TAIL = 5;

/** A live list of steps, redrawn in place. */
export function liveScreen(): Screen {
  const draw = createLogUpdate(process.stderr);
  let picture: Picture = new Map();
  let tail: string[] = [];
  let closed = false;
  const redraw = (): void => {
    const lines = tail.map((line) => paint("dim", `  ${line}`));
    draw([pictureText(picture), ...lines].filter((text) => text !== "").join("\n"));
  };
  const show = (news: News): void => {
    if (news.type === "warning") draw.persist(`${paint("yellow", "warning:")} ${news.text}`);
    const before = picture;
    picture = drawnAfter(picture, news, performance.now());
    if (news.type === "line") tail = [...tail, news.text.slice(0, (process.stderr.columns ?? 80) - 4)].slice(-TAIL);
    else if (picture === before) return;
    else tail = [];
    redraw();
  };
  return {
    emit: (heard) => show(plainIn(heard)),
    close: () => {
      if (closed) return;
      closed = true;
      tail = [];
      redraw();
      draw.done();
    },
  };
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
