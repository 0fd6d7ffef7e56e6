import { hideSecrets } from "../../base/secret.ts";

/** Words of ours that a reader goes by: a secret that happens to be one of them must not break the file. */
const OURS = new Set(["v", "at", "run", "type", "id", "step", "verb", "end", "code", "unit"]);

/** The same with `[secret]` in place of each secret that this process has met, however deep. */
export function withoutSecrets<T>(value: T): T {
  if (typeof value === "string") return hideSecrets(value) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => withoutSecrets(each)) as T;
  if (typeof value !== "object" || value === null) return value;
  const hidden = Object.entries(value).map(([key, each]: [string, unknown]) => [
    key,
    OURS.has(key) ? each : withoutSecrets(each),
  ]);
  return Object.fromEntries(hidden) as T;
}
