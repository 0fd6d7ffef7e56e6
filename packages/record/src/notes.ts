import * as z from "zod";

/** The version of what is noted beside the state. Fields may be added under it. */
export const NOTES_VERSION = 1;

const version = z.literal(NOTES_VERSION);

const problem = z.object({ why: z.string(), fix: z.string(), nextAt: z.string() });

const certificate = z.discriminatedUnion("state", [
  z.object({ state: z.literal("valid"), until: z.string(), issuer: z.string(), problem: z.exactOptional(problem) }),
  z.object({ state: z.literal("pending") }),
  z.object({ state: z.literal("failed"), problem }),
]);

const keeperStatus = z.object({
  v: version,
  startedAt: z.string(),
  /** Of the state that it acts on. */
  rev: z.number(),
  certificates: z.record(z.string(), certificate),
});

const side = z.object({
  count: z.number(),
  failed: z.number(),
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
});

const difference = z.object({
  at: z.string(),
  count: z.number(),
  /** Of numbers: how far apart they were. */
  meanBy: z.exactOptional(z.number()),
  maxBy: z.exactOptional(z.number()),
  example: z.object({ live: z.string(), shadow: z.string() }),
});

const shadowReport = z.object({
  v: version,
  service: z.string(),
  release: z.string(),
  share: z.number(),
  since: z.string(),
  until: z.string(),
  /** Copies that came, and those that were thrown away because the release was behind. */
  copied: z.number(),
  dropped: z.number(),
  compared: z.number(),
  agreed: z.number(),
  /** agreed / compared; 1 of nothing. */
  agreement: z.number(),
  live: side,
  shadow: side,
  /** The most frequent first. */
  differences: z.array(difference),
});

const journalEntry = z.object({
  /** An older dray wrote none. */
  v: z.exactOptional(version),
  service: z.string(),
  release: z.string(),
  /** The release that had the traffic when it began. */
  before: z.exactOptional(z.string()),
  who: z.string(),
  /** ISO 8601, the clock of whoever writes. */
  begunAt: z.string(),
  /** The step that was begun last. */
  step: z.string(),
});

/** A change of a machine: each kind of change notes more. */
const audited = z.record(z.string(), z.unknown());

/** Each status code's number, and histograms by the upper bound of their buckets. */
const minute = z.looseObject({
  at: z.number(),
  service: z.string(),
  release: z.string(),
  statuses: z.record(z.string(), z.number()),
});

/** What is wrong with a certificate, in one sentence; what to do; and when it is tried again by itself. */
export type Problem = z.infer<typeof problem>;
/** How a host's certificate stands. Times are ISO 8601, UTC. */
export type CertificateStatus = z.infer<typeof certificate>;
/** What the keeper says of itself: keeper-status.json in the edge's volume. */
export type KeeperStatus = z.infer<typeof keeperStatus>;
/** How long answers took, and how many failed, of one side of a comparison. */
export type ShadowSide = z.infer<typeof side>;
/** How one field of the answers differed. */
export type Difference = z.infer<typeof difference>;
/** shadow-SERVICE.json in the edge's volume. Times are ISO 8601, UTC. */
export type ShadowReport = z.infer<typeof shadowReport>;
/** What somebody is doing to a service, or was when they were interrupted: journal-SERVICE.json. */
export type JournalEntry = z.infer<typeof journalEntry>;

/**
 * A note that is empty, cut off by a full disk, or of a newer form says nothing: it is `undefined`, and what it was about is
 * unknown. Nothing is decided on half a note, and no command ends because of one.
 */
function noted<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export const readKeeperStatus = (text: string): KeeperStatus | undefined => noted(keeperStatus, text);
export const readShadowReport = (text: string): ShadowReport | undefined => noted(shadowReport, text);
export const readJournalEntry = (text: string): JournalEntry | undefined => noted(journalEntry, text);

/** The audit log's lines, oldest first. A line that a full disk cut off is left out. */
export function readAudit(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .map((line) => noted(audited, line))
    .filter((each) => each !== undefined);
}

/** May a line of the keeper's history be counted? Its minute is lost otherwise, and no other. */
export function isHistoryRow(value: unknown): boolean {
  return minute.safeParse(value).success;
}
