/** The model server as a library: what `dray serve` and the recipe use. */
export { type Inspection, inspect } from "./inspect.ts";
export { Refusal } from "./refusal.ts";
export { readSettings, type Settings } from "./settings.ts";
export { type Running, start } from "./start.ts";
