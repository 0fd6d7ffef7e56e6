import prettyMs from "pretty-ms";
import type { Outcome } from "../../contract/order.ts";
import { monthText } from "../../core/prices.ts";
import type { Served } from "../../core/run.ts";
import type { Deployed } from "../../flows/release/deploy.ts";
import { planText } from "./screen.ts";
import { say, sayJson, tell } from "./say.ts";
import { proofText } from "./trace.ts";

/** What a plan costs, in words; empty where that is not known. */
export function priceText({ monthly }: Pick<Outcome, "monthly">): string {
  return monthly === undefined ? "" : `It costs ${monthText(monthly)}, called or not.`;
}

/** A plan as it is shown before somebody says yes to it. */
export function plannedText(planned: Outcome): string {
  return [planText(planned.plan), priceText(planned)].filter((text) => text !== "").join("\n");
}

/** What a deploy or rollback would do. */
export function sayPlanned(outcomes: readonly Outcome[], as: "json" | "text"): void {
  if (as === "json") return sayJson(envelope(outcomes, (outcome) => ({ ...forPrograms(outcome), plan: outcome.plan })));
  for (const outcome of outcomes) say(plannedText(outcome));
}

const WITH_A_DOMAIN = "with domain: in the manifest it is HTTPS by itself";

/** What a deploy or rollback did, and the proof. */
export function sayDeployed({ outcomes, traces }: Deployed, as: "json" | "text", tls: "wanted" | "off"): void {
  if (as === "json") return sayJson({ ...envelope(outcomes, forPrograms), traces });
  for (const outcome of outcomes) say(servedText(outcome));
  const open = outcomes.filter(({ secured }) => !secured && tls === "wanted");
  for (const hint of new Set(open.map(({ toSecure = WITH_A_DOMAIN }) => toSecure)))
    tell(`plain HTTP: anybody on the way can read it; ${hint}`);
  for (const note of new Set(outcomes.flatMap(({ notes = [] }) => notes))) tell(note);
  for (const walked of traces) tell(proofText(walked));
}

/** What serves, and what it costs. */
export function servedText({ service, release, url, servingMs, monthly }: ServedText): string {
  const after = servingMs === undefined ? "" : ` (after ${prettyMs(servingMs)})`;
  const cost = monthly === undefined ? "" : `\nit costs ${monthText(monthly)}`;
  return `${service} ${release} ${url === "" ? "has the traffic" : `serves at ${url}`}${after}${cost}`;
}

type ServedText = Pick<Served, "service" | "release" | "url" | "servingMs" | "monthly">;

/** A list of all, and where there is one, what it says at the top as well. */
function envelope(outcomes: readonly Outcome[], shown: (outcome: Outcome) => object): object {
  const all = outcomes.map(shown);
  return { ...(all.length === 1 ? all[0] : {}), outcomes: all, totalMs: Math.round(performance.now()) };
}

type ForPrograms = Omit<Outcome, "plan" | "accepted" | "leaves">;

function forPrograms({ plan: _plan, accepted: _accepted, leaves: _leaves, ...outcome }: Outcome): ForPrograms {
  return outcome;
}
