import type { Hop, HopName, Trace, Verdict } from "./trace.ts";

const MODEL = "model";

/** The stations of the way, and the hops that lie before each. */
const STATIONS: readonly {
  hops: readonly HopName[];
  label: (hop: (name: HopName) => Hop | undefined) => string | undefined;
}[] = [
  { hops: ["name"], label: (hop) => (hop("name")?.verdict === "skipped" ? undefined : hop("name")?.to) },
  { hops: ["route", "tcp"], label: (hop) => hop("tcp")?.to },
  { hops: ["packet", "listener"], label: (hop) => hop("packet")?.to },
  { hops: ["tls", "edge"], label: (hop) => (hop("edge")?.verdict === "skipped" ? undefined : "edge") },
  { hops: ["container", "bind"], label: (hop) => hop("bind")?.to },
  { hops: ["ready", "predict"], label: () => MODEL },
];

const WORST: readonly Verdict[] = ["broken", "slow", "unknown", "ok", "skipped"];

/** Draws a part of the chain; plain text where nobody says otherwise. */
export type Paint = (verdict: Verdict | undefined, text: string) => string;

const LINKS: Record<Verdict, string> = { ok: "───", slow: "─~─", broken: "─✗─", unknown: "─?─", skipped: "───" };

/** The way as a chain: stations with their addresses, and what lies between them. `paint`: undefined is what lies behind the break. */
export function chainOf(trace: Trace, paint: Paint = (_verdict, text) => text): string {
  const link = (verdict: Verdict): string => paint(verdict, LINKS[verdict]);
  if (!trace.hops.some((each) => STATIONS.some(({ hops }) => (hops as readonly string[]).includes(each.hop))))
    return ["this computer", ...trace.hops.flatMap(({ verdict, title }) => [link(verdict), title])].join(" ");
  const hop = (name: HopName): Hop | undefined => trace.hops.find((each) => each.hop === name);
  const parts = ["this computer"];
  let carried: Verdict[] = [];
  let over = false;
  for (const { hops, label } of STATIONS) {
    const verdicts = [...carried, ...hops.flatMap((name) => hop(name)?.verdict ?? [])];
    const text = label(hop);
    const unasked = verdicts.every((each) => each === "unknown" || each === "skipped");
    // Where the answer arrived, nobody needs to see what was not asked.
    if (text === undefined || (trace.reached && unasked && text !== MODEL)) {
      carried = verdicts;
      continue;
    }
    const shown = trace.reached ? verdicts.filter((each) => each !== "unknown") : verdicts;
    const verdict = WORST.find((each) => shown.includes(each)) ?? "skipped";
    // The API answered, and nobody knows whether its model does: the way is drawn to the one, and not to the other.
    if (text === MODEL && trace.reached && hop("predict")?.verdict === "unknown") {
      if (carried.length > 0) parts.push(link("ok"), trace.service ?? trace.container ?? "API");
      parts.push(link("unknown"), text);
      break;
    }
    carried = [];
    parts.push(link(verdict), over ? paint(undefined, text) : text);
    over ||= verdict === "broken";
  }
  return parts.join(" ");
}
