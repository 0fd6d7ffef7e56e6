import { type Fact, FACTS, SOURCES, UNCHECKED, type Way, WAY_NAMES, WAYS } from "./compare-facts.ts";
import { HOURS_A_MONTH, hourOf, PRICES } from "./prices.ts";

/** From where something is known. */
export interface Known {
  /** `measured`: here, now; else a page, a file of ours, or `computed` from the prices. */
  source: string;
  /** When it was so or was read: ISO date, or month. */
  asOf: string;
  /** False: it was written down from memory at that time, and not checked since. */
  checked: boolean;
}

/** One row: what each way has to say, and from where that is known. */
export interface ComparedRow {
  what: string;
  cells: Record<Way, string>;
  known: Record<Way, Known>;
}

/** The same of every way. */
export function alike<T>(value: T): Record<Way, T> {
  return byWay(() => value);
}

function byWay<T>(of: (way: Way) => T): Record<Way, T> {
  return Object.fromEntries(WAYS.map((way) => [way, of(way)])) as Record<Way, T>;
}

/** What a service needs, for the costs. */
export interface Load {
  requestsPerSecond: number;
  /** How long one processor is busy with a request, in milliseconds. */
  msPerRequest: number;
  /** Of a Vertex AI node. */
  machineType: string;
}

/** The rows that do not depend on the service. */
export function factRows(): ComparedRow[] {
  return FACTS.map(({ what, facts }) => ({
    what,
    cells: byWay((way) => facts[way][0]),
    known: byWay((way) => knownBy(facts[way])),
  }));
}

function knownBy([, source]: Fact): Known {
  if (source === undefined) return { source: "memory", asOf: UNCHECKED, checked: false };
  return { ...SOURCES[source], checked: true };
}

/** Cells of `smallest monthly cost`, and of the cost at a load, in US dollars; computed from the list of prices. */
export function costRows(load: Load): ComparedRow[] {
  const { requestsPerSecond: rps, msPerRequest: ms } = load;
  const busy = (rps * ms) / 1000;
  const row = (what: string, costs: Record<Way, number | undefined>): ComparedRow => ({
    what,
    cells: byWay((way) => dollars(costs[way])),
    known: alike({
      source: `computed: ${PRICES.region}, list prices, ${Object.values(PRICES.sources).join(" ")}`,
      asOf: PRICES.asOf,
      checked: PRICES.checked,
    }),
  });
  return [
    row("smallest cost a month", {
      hand: vmCost(0),
      drayage: vmCost(0),
      vertex: vertexCost(0, load.machineType),
      kubernetes: kubernetesCost(0),
      run: 0,
    }),
    row(`cost a month at ${rps}/s of ${ms} ms`, {
      hand: vmCost(busy),
      drayage: vmCost(busy),
      vertex: vertexCost(busy, load.machineType),
      kubernetes: kubernetesCost(busy),
      run: runCost(rps, ms),
    }),
  ];
}

/** A machine is not loaded beyond this: queues grow. */
const FULL = 0.6;

/** The cheapest e2 machine, or several of the largest, that has room for `busy` processors. */
function vmCost(busy: number): number {
  const sizes = Object.entries(PRICES.machines).filter(([type]) => type.startsWith("e2-"));
  const fits = sizes.find(([, { cpus }]) => cpus * FULL >= busy) ?? sizes.at(-1);
  if (fits === undefined) return 0;
  const [, { hour, cpus }] = fits;
  const count = Math.max(1, Math.ceil(busy / (cpus * FULL)));
  return count * ((hour + PRICES.address.used) * HOURS_A_MONTH + 20 * PRICES.diskGb);
}

function vertexCost(busy: number, type: string): number | undefined {
  const hour = hourOf(type);
  const cpus = (PRICES.machines as Record<string, { cpus: number } | undefined>)[type]?.cpus ?? 1;
  if (hour === undefined) return undefined;
  return Math.max(1, Math.ceil(busy / (cpus * FULL))) * hour * PRICES.vertexFactor * HOURS_A_MONTH;
}

/** A cluster, its load balancer, and its nodes. */
function kubernetesCost(busy: number): number {
  return (
    (PRICES.cluster + PRICES.forwarding) * HOURS_A_MONTH +
    vmCost(Math.max(busy, PRICES.machines["e2-medium"].cpus * FULL))
  );
}

/** Processors are paid while they work on a request, with 0.5 GiB each; what is free of charge is left out. */
function runCost(rps: number, ms: number): number {
  const seconds = HOURS_A_MONTH * 3600;
  const { cpuSecond, memorySecond, million, free } = PRICES.run;
  const work = (rps * seconds * ms) / 1000;
  const paid = (used: number, without: number): number => Math.max(0, used - without);
  return (
    paid(work, free.cpuSeconds) * cpuSecond +
    paid(work * 0.5, free.memorySeconds) * memorySecond +
    (paid(rps * seconds, free.requests) / 1e6) * million
  );
}

const dollars = (cost: number | undefined): string => (cost === undefined ? "?" : `$${cost.toFixed(2)}`);

/** How old the prices are, aloud: `list prices of us-central1, written down in 2025-06, 17 months ago`. */
export function priceAge(now: Date): string {
  const [year = 0, month = 0] = PRICES.asOf.split("-").map(Number);
  const months = (now.getUTCFullYear() - year) * 12 + now.getUTCMonth() + 1 - month;
  const age = `${months} month${months === 1 ? "" : "s"} ago`;
  const since = PRICES.checked ? "" : ", and not checked since: look them up before you decide";
  return `costs: list prices of ${PRICES.region}, written down in ${PRICES.asOf}, ${age}${since}`;
}

/** What stands below the table for one source: `read 2026-11-30`, `not checked since 2025-06`. */
export function sourceText({ source, asOf, checked }: Known): string {
  if (!checked) return source === "memory" ? `not checked since ${asOf}` : `${source} (not checked since ${asOf})`;
  return `${source} (${asOf})`;
}

/** Every source of these rows once, in the order in which they are met; what was measured needs none. */
export function sourcesOf(rows: readonly ComparedRow[]): string[] {
  const all = rows.flatMap(({ cells, known }) => WAYS.filter((way) => cells[way] !== "").map((way) => known[way]));
  return [...new Set(all.filter(({ source }) => source !== "measured").map(sourceText))];
}

/** The table in Markdown, sources below it. */
export function compareMarkdown(rows: readonly ComparedRow[], now: Date): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const sources = sourcesOf(rows);
  const noted = ({ cells, known }: ComparedRow, way: Way): string => {
    const note = sources.indexOf(sourceText(known[way]));
    return note === -1 || cells[way] === "" ? cells[way] : `${cells[way]} [${note + 1}]`;
  };
  return [
    line(["", ...WAYS.map((way) => WAY_NAMES[way])]),
    line(["---", ...WAYS.map(() => "---")]),
    ...rows.map((row) =>
      line([
        row.known.hand.source === "measured" ? `**${row.what}** (measured)` : row.what,
        ...WAYS.map((way) => noted(row, way)),
      ]),
    ),
    "",
    ...sources.map((source, index) => `${index + 1}. ${source}`),
    "",
    priceAge(now),
  ].join("\n");
}
