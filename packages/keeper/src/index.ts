export { type Histogram, quantile } from "./numbers/histogram.ts";
export { type Row, type TokenCount, together } from "./numbers/numbers.ts";
export type { AlertSettings } from "./alerts/settings.ts";
export { post } from "./alerts/webhook.ts";
/** The words in which dray and the keeper talk: files of the edge's volume. */
export type { CertificateWish, KeeperWish, ShadowWish } from "./wish.ts";
export type { CertificateStatus, Difference, KeeperStatus, ShadowReport, ShadowSide } from "drayage-record";
export { hostOf } from "./host.ts";
export { askHealth, framed, inHttpWords, isGrpc } from "./h2/grpc.ts";
export { type Http2Answer, Http2Line, type Http2Question } from "./h2/line.ts";
export type { FetchFault, FetchJob, FetchNews, WeightFile } from "./fetch/job.ts";
export { FetchError } from "./fetch/job.ts";
export { hashOfAll } from "./fetch/folder.ts";
export { probe, readRange, readWhole } from "./fetch/read-url.ts";
