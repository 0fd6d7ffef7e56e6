import { Failure } from "../base/failure.ts";
import { durationOf } from "../manifest/units.ts";

/** Milliseconds of a `--since`, or of another flag that is a length of time. @throws Failure usage.invalid */
export function sinceOf(said: string, flag: string = "--since"): number {
  const ms = durationOf(said);
  if (ms !== undefined && ms > 0) return ms;
  throw new Failure("usage.invalid", `${flag} ${said} is no length of time`, { hint: "like 30s, 10m, 6h or 7d" });
}
