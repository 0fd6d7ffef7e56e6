/** The library's face. Everything `dray` does can be done from here: `Drayage` has every verb. */
export { CODES, type Code, EXIT, Failure } from "./base/failure.ts";
export type { Outcome } from "./contract/order.ts";
export type { Place } from "./contract/place.ts";
export type { Context } from "./core/context.ts";
export type { Happening, News } from "./core/happening.ts";
export type { Change, Plan, Stage, Step } from "./core/plan.ts";
export type { Release } from "./core/release.ts";
export type { Report } from "./core/report.ts";
export type { Trace } from "./core/trace.ts";
export { Drayage } from "./drayage.ts";
export { type Asker, httpAsker, type Reply } from "./flows/batch/asker.ts";
export { batch, type BatchJob, type BatchResult } from "./flows/batch/batch.ts";
export type { Deployed, DeployOptions } from "./flows/deploy.ts";
export type { Scope } from "./flows/places.ts";
export type { Left } from "./flows/retire.ts";
export { loadManifest, parseManifest } from "./yaml/load.ts";
export type { Manifest } from "./manifest/schema.ts";
export { manifestSchema } from "./yaml/schema.ts";
