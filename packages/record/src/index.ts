/** What is written where a service runs, for all who read it: the CLI, and the keeper beside the edge. */
export { type Access, parseAccess, parseRequest, type Logged } from "./access.ts";
export { isFailed, isRefused } from "./failed.ts";
export { readServices, readState, type RecordedServices, STATE_VERSION, StateRefused } from "./state.ts";
export { type CertificateWish, type KeeperWish, type ShadowWish, wish } from "./wish.ts";
