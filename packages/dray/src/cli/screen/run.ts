import prettyMs from "pretty-ms";
import type { Happening } from "../../core/happening.ts";
import type { RunSummary } from "../../core/run.ts";
import type { KeptRun } from "../../flows/runs/kept.ts";
import { servedText } from "./deploy.ts";
import { toldText } from "./failure.ts";
import { drawnAfter, type Picture } from "./picture.ts";
import { plainIn } from "./plain.ts";
import { paint, pictureText, plainLine } from "./screen.ts";
import { table } from "./say.ts";
import { proofText } from "./trace.ts";

const HEAD = ["RUN", "BEGAN (UTC)", "VERB", "SERVICE", "WHERE", "TOOK", "END", "BY"];

/** Runs as a list. */
export function runsText(runs: readonly RunSummary[]): string {
  if (runs.length === 0) return "no run of this computer is kept; dray deploy makes one";
  return table(HEAD, runs.map(plainIn).map(row));
}

function row({ id, startedAt, verb, what, service, places, ms, ...run }: RunSummary): string[] {
  return [
    id,
    timeText(startedAt),
    what === undefined ? verb : `${verb} ${what}`,
    service ?? "-",
    places.join(" ") || "-",
    prettyMs(ms),
    endText(run),
    run.who,
  ];
}

const timeText = (at: string): string => at.slice(0, 19).replace("T", " ");

/** How it ended, and with what. */
function endText({ state, failure, releases }: Pick<RunSummary, "state" | "failure" | "releases">): string {
  if (failure !== undefined && state === "failed") return `failed: ${failure.code}`;
  return state === "done" && releases.length > 0 ? `done: ${releases.join(" ")}` : state;
}

/** A run as it was drawn: on a terminal the list of its steps, in a pipe a line each. */
export function runText(kept: KeptRun, as: "picture" | "lines"): string {
  const { id, verb, service, places, who, startedAt, happenings } = plainIn(kept);
  const about = [`dray ${verb}`, service, places.length === 0 ? undefined : `on ${places.join(", ")}`].filter(Boolean);
  const drawn = as === "picture" ? picture(happenings) : lines(happenings);
  const head = `${id}: ${about.join(" ")}, by ${who}, ${timeText(startedAt)} UTC`;
  return [head, ...drawn, runEndText(kept)].filter((text) => text !== "").join("\n");
}

/** How a run ended, and what serves now; or how far it is. */
export function runEndText(kept: KeptRun): string {
  return endLines(plainIn(kept)).join("\n");
}

function picture(happenings: readonly Happening[]): string[] {
  const begin = Date.parse(happenings[0]?.at ?? "");
  const drawn = happenings.reduce<Picture>(
    (each, news) => drawnAfter(each, news, Date.parse(news.at) - begin),
    new Map(),
  );
  const warnings = happenings.filter((each) => each.type === "warning");
  return [...warnings.map(({ text }) => `${paint("yellow", "warning:")} ${text}`), pictureText(drawn)];
}

function lines(happenings: readonly Happening[]): string[] {
  return happenings.map(plainLine).filter((line) => line !== undefined);
}

function endLines({ state, ms, happenings, failure }: KeptRun): string[] {
  const result = happenings.find((each) => each.type === "run.ended")?.result;
  const served = (result?.served ?? []).map(servedText);
  const proofs = (result?.traces ?? []).map(proofText);
  const took = prettyMs(ms);
  if (failure !== undefined) return [toldText(failure), `${state} after ${took}`];
  if (state === "done") return [...served, ...proofs, `done in ${took}`];
  const open = openSteps(happenings);
  const at = open.length === 0 ? "" : ` at: ${open.join("; ")}`;
  if (state === "running") return [`running for ${took}${at}`];
  return [
    `cut off after ${took}${at}`,
    "its process ended without a word; the same command again finishes what was begun",
  ];
}

/** Steps that began and did not end, as people call them. */
function openSteps(happenings: readonly Happening[]): string[] {
  const drawn = happenings.reduce<Picture>((each, news) => drawnAfter(each, news, 0), new Map());
  return [...drawn.values()].filter((each) => each.state === "running").map(({ on, title }) => `${on}: ${title}`);
}
