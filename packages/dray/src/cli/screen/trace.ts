import { chainOf } from "../../core/chain.ts";
import type { Hop, Trace, Verdict } from "../../core/trace.ts";
import { brokenHop } from "../../core/trace.ts";
import { paint } from "./screen.ts";

const MARKS: Record<Verdict, { mark: string; style: Parameters<typeof paint>[0] }> = {
  ok: { mark: "✓", style: "green" },
  slow: { mark: "~", style: "yellow" },
  broken: { mark: "✗", style: "red" },
  unknown: { mark: "?", style: "yellow" },
  skipped: { mark: "-", style: "dim" },
};

/** The way as a chain, in colours. */
function chainText(trace: Trace): string {
  return chainOf(trace, (verdict, text) => paint(verdict === undefined ? "dim" : MARKS[verdict].style, text));
}

/** The whole trace for people: the chain, each hop, and for the broken one why and what to do. */
export function traceText(trace: Trace, explain: boolean): string {
  const width = Math.max(...trace.hops.map((hop) => hop.title.length));
  const lines = trace.hops
    .filter((hop) => explain || hop.verdict !== "skipped")
    .flatMap((hop) => hopLines(hop, width, explain));
  return [chainText(trace), "", ...lines, "", verdictText(trace)].join("\n");
}

function hopLines(hop: Hop, width: number, explain: boolean): string[] {
  const { mark, style } = MARKS[hop.verdict];
  const ms = hop.ms === undefined ? "" : `${hop.ms} ms`;
  const under = (text: string): string => `  ${" ".repeat(width)}           ${text}`;
  return [
    `${paint(style, mark)} ${hop.title.padEnd(width)}  ${ms.padStart(7)}  ${hop.evidence}`,
    ...(hop.missing === undefined ? [] : [under(paint("yellow", `unknown without ${hop.missing}`))]),
    ...(hop.why === undefined ? [] : [under(paint(style, hop.why)), under(`${paint("cyan", "fix:")} ${hop.fix}`)]),
    ...(hop.note === undefined ? [] : [under(`${paint("yellow", "note:")} ${hop.note}`)]),
    ...(explain ? [under(paint("dim", hop.explain))] : []),
  ];
}

/** One sentence on the whole. */
function verdictText(trace: Trace): string {
  const broken = brokenHop(trace);
  if (broken !== undefined) {
    const { style } = MARKS[broken.verdict];
    return `${paint(style, broken.verdict === "slow" ? "slow at" : "broken at")} ${broken.title}: ${broken.why}\n${paint("cyan", "fix:")} ${broken.fix}`;
  }
  if (trace.reached) {
    const reached = `${paint("green", "reached")} ${trace.url} in ${trace.ms} ms`;
    const unproved = unprovedText(trace);
    return unproved === undefined ? reached : `${reached}\n${unproved}`;
  }
  const missing = trace.hops.find((hop) => hop.missing !== undefined);
  return `${paint("yellow", "not reached, and not known why")}${missing === undefined ? "" : `: at ${missing.title} this is missing: ${missing.missing}`}`;
}

/** What is not known of a service that is reached: whether its model predicts. */
function unprovedText(trace: Trace): string | undefined {
  const predict = trace.hops.find((hop) => hop.hop === "predict");
  if (predict?.verdict !== "unknown") return undefined;
  return `${paint("yellow", "prediction unknown")}: ${predict.evidence}; it cannot be known without ${predict.missing}`;
}

/** Of a prediction that the API's own description led to: what it was, and that it can be kept. */
function provedText(trace: Trace): string | undefined {
  const predict = trace.hops.find((hop) => hop.hop === "predict");
  return predict?.note === undefined ? undefined : `${predict.evidence}; ${predict.note}`;
}

/** A deploy's proof: one line for the way, and one where there is more to say: the break and its fix, or what is not known. */
export function proofText(trace: Trace): string {
  const broken = brokenHop(trace);
  const lines = [chainText(trace)];
  if (broken !== undefined) lines.push(`${broken.title}: ${broken.why}`);
  else if (!trace.reached) lines.push("not reached from here; dray trace says more");
  if (broken?.fix !== undefined) lines.push(`fix: ${broken.fix}`);
  const more = broken === undefined && trace.reached ? (unprovedText(trace) ?? provedText(trace)) : undefined;
  if (more !== undefined) lines.push(more);
  return lines.join("\n");
}
