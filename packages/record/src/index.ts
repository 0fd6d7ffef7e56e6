/** What is written where a service runs, for all who read it: the CLI, and the keeper beside the edge. */
export { type Access, parseAccess, parseRequest, type Logged, type Traced } from "./access.ts";
export { httpStatusOf } from "./grpc.ts";
export { postSpans } from "./post-spans.ts";
export { sampledIn, type Span, SpanQueue } from "./spans.ts";
export { isFailed, isRefused } from "./failed.ts";
export {
  type CertificateStatus,
  type Difference,
  isHistoryRow,
  type JournalEntry,
  type KeeperStatus,
  NOTES_VERSION,
  type Problem,
  readAudit,
  readJournalEntry,
  readKeeperStatus,
  readShadowReport,
  type ShadowReport,
  type ShadowSide,
} from "./notes.ts";
export { readServices, readState, type RecordedServices, STATE_VERSION, StateRefused } from "./state.ts";
export { type CertificateWish, type KeeperWish, type ShadowWish, wish } from "./wish.ts";
