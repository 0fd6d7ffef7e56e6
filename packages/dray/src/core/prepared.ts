import type { Context } from "./context.ts";
import type { Plan } from "./plan.ts";

/** Something that is done after it was looked at and agreed to. */
export interface Prepared<T> {
  plan: Plan;
  monthly?: number;
  /** @throws Failure */
  perform(context: Context): Promise<T>;
}

/** What keeps costing after a machine was stopped or taken away, a line each. */
export interface LeftOver {
  done: string[];
  costs: string[];
}
