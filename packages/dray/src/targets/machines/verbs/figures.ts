import { quantile, type Row, together, type TokenCount } from "drayage-keeper";
import { isFailed } from "drayage-record";
import type { Figures, Point, TokenFigures } from "../../../core/metrics.ts";

const MINUTE_S = 60;
const MOST_PARTS = 120;

/** What a row, or several together, say of `spanS` seconds. */
export function figures(row: Row | undefined, spanS: number): Figures {
  const statuses = Object.entries(row?.statuses ?? {});
  const count = (fits: (status: number) => boolean): number =>
    statuses.reduce((sum, [status, many]) => sum + (fits(Number(status)) ? many : 0), 0);
  const requests = count(() => true);
  const at = (of: "total" | "queue" | "model", share: number): number => quantile(row?.[of] ?? {}, share);
  return {
    requests,
    perSecond: Math.round((requests / spanS) * 10) / 10,
    errors: count(isFailed),
    refused: count((status) => status === 429),
    p50Ms: at("total", 0.5),
    p95Ms: at("total", 0.95),
    p99Ms: at("total", 0.99),
    queueP95Ms: at("queue", 0.95),
    modelP95Ms: at("model", 0.95),
    ...tokenFigures(row?.tokens),
  };
}

/** What was counted of a language model's tokens, if anything. */
export function tokenFigures(tokens: TokenCount | undefined): { tokens?: TokenFigures } {
  if (tokens === undefined) return {};
  const { asked, answered, streamed, streamMs } = tokens;
  const perSecond = streamMs === 0 ? {} : { perSecond: Math.round((streamed / streamMs) * 10_000) / 10 };
  return { tokens: { asked, answered, ...perSecond } };
}

/**
 * The same by parts of the time that was asked for, the current one last. A part without a request is there, too: nobody
 * called, which is not the same as nothing known.
 */
export function seriesOf(rows: readonly Row[], sinceS: number, nowS: number = Date.now() / 1000): Point[] {
  const partS = Math.max(1, Math.ceil(sinceS / MOST_PARTS / MINUTE_S)) * MINUTE_S;
  const partAt = ({ at }: Row): number => Math.floor(at / partS) * partS;
  const byPart = new Map<number, Row[]>();
  for (const row of rows) byPart.set(partAt(row), [...(byPart.get(partAt(row)) ?? []), row]);
  const [first] = [...byPart.keys()].toSorted((a, b) => a - b);
  const last = Math.floor(nowS / partS) * partS;
  const points: Point[] = [];
  // What lies before the first row is before the service began, or before it was asked for.
  for (let at = Math.max(first ?? last, last - MOST_PARTS * partS); at <= last; at += partS)
    points.push(pointOf(at, byPart.get(at) ?? [], at === last ? Math.max(1, nowS - at) : partS));
  return points;
}

function pointOf(at: number, rows: readonly Row[], spanS: number): Point {
  const releases = [...together(rows, (row) => row.release)].map(
    ([release, row]) => [release === "" ? "(the edge)" : release, figures(row, spanS).perSecond] as const,
  );
  return { at, ...figures(together(rows, () => "").get(""), spanS), releases: Object.fromEntries(releases) };
}
