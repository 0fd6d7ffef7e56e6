import { Failure } from "../base/failure.ts";
import { durationOf } from "../manifest/units.ts";

/** Milliseconds of a `--since`. @throws Failure usage.invalid */
export function sinceOf(said: string): number {
  const ms = durationOf(said);
  if (ms !== undefined && ms > 0) return ms;
  throw new Failure("usage.invalid", `--since ${said} is no length of time`, { hint: "like 30s, 10m, 6h or 7d" });
}
