/** The library's face. Everything `dray` does can be done from here. */
export { CODES, type Code, EXIT, Failure } from "./base/failure.ts";
export type { Context } from "./core/context.ts";
export type { Happening, News } from "./core/happening.ts";
export type { Change, Plan, Stage, Step } from "./core/plan.ts";
export type { Release } from "./core/release.ts";
export { type Asker, httpAsker, type Reply } from "./flows/batch/asker.ts";
export { batch, type BatchJob, type BatchResult } from "./flows/batch/batch.ts";
export { deploy, type DeployOptions, type Outcome, rollback } from "./flows/deploy.ts";
export { logs } from "./flows/logs.ts";
export { type MachineStatus, status } from "./flows/look.ts";
export { finish, remove } from "./flows/remove.ts";
export { call, type Called } from "./flows/request.ts";
export { type Where } from "./machine/machine.ts";
export { loadManifest, parseManifest } from "./manifest/load.ts";
export { type Manifest, manifestSchema } from "./manifest/schema.ts";
