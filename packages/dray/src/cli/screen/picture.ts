import prettyBytes from "pretty-bytes";
import prettyMs from "pretty-ms";
import type { News } from "../../core/happening.ts";

/** One step as a list of steps shows it. */
export interface PictureRow {
  on: string;
  title: string;
  state: "running" | "done" | "failed" | "undone";
  note: string;
  /** A reading of the clock that the picture is given. */
  startedAt: number;
}

/** The steps of a run as they stand, by id, in the order in which they began. */
export type Picture = ReadonlyMap<string, PictureRow>;

/** A step that stands beside a plan is known by where and what it is. */
const keyOf = (news: { on: string; step?: string; id?: string }): string => news.id ?? `${news.on}/${news.step ?? ""}`;

/** The picture after something happened; `now` is when, in milliseconds. Pure. */
export function drawnAfter(picture: Picture, news: News, now: number): Picture {
  if (news.type === "step.started") {
    const { on, title } = news;
    return withRow(picture, keyOf(news), { on, title, state: "running", note: "", startedAt: now });
  }
  if (!("on" in news)) return picture;
  const key = keyOf(news);
  const row = picture.get(key) ?? unseen(news);
  const changed = row === undefined ? undefined : changeOf(news, row, now);
  return row === undefined || changed === undefined ? picture : withRow(picture, key, { ...row, ...changed });
}

/** A step may end or be taken back whose beginning was not told. */
function unseen(news: News & { on: string }): PictureRow | undefined {
  return "title" in news ? { on: news.on, title: news.title, state: "running", note: "", startedAt: 0 } : undefined;
}

function changeOf(news: News, row: PictureRow, now: number): Partial<PictureRow> | undefined {
  switch (news.type) {
    case "step.done":
      return { state: "done", note: [prettyMs(news.ms), news.note].filter(Boolean).join(", ") };
    case "step.failed":
      return { state: "failed", note: news.code };
    case "step.undone":
      return { state: "undone", note: "undone" };
    case "step.progress":
      return { note: news.note ?? progressText(news.done, news.total ?? 0, now - row.startedAt) };
    case "trial":
      return { note: trialText(news) };
    case "shadow":
      return { note: shadowText(news) };
    default:
      return undefined;
  }
}

function withRow(picture: Picture, key: string, row: PictureRow): Picture {
  return new Map([...picture, [key, row]]);
}

/** The new release and the old one, side by side. */
export function trialText({ fresh, old, leftMs }: News & { type: "trial" }): string {
  const said = ({ count, failed, p95Ms }: typeof fresh): string =>
    `${count} answers, ${failed} failed, p95 ${Math.round(p95Ms)} ms`;
  return `new: ${said(fresh)} | old: ${said(old)}${leftText(leftMs)}`;
}

function shadowText({ report, leftMs }: News & { type: "shadow" }): string {
  const { compared, agreement, live, shadow } = report;
  const agreed = `${(agreement * 100).toFixed(1)} % agree`;
  return `${compared} compared, ${agreed} | p95 ${shadow.p95Ms} ms, live ${live.p95Ms} ms${leftText(leftMs)}`;
}

function leftText(ms: number): string {
  return ms > 0 ? ` | ${prettyMs(Math.ceil(ms / 1000) * 1000)} left` : "";
}

const BAR = 20;

/** A bar, the bytes, and how long it will take at the speed so far. */
function progressText(done: number, total: number, ms: number): string {
  if (total === 0) return "";
  const filled = Math.round((done / total) * BAR);
  const eta = done > 0 ? prettyMs(Math.round(((total - done) * ms) / done / 1000) * 1000) : "?";
  return `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${prettyBytes(done)} of ${prettyBytes(total)}, ${eta} left`;
}
