import { homedir } from "node:os";
import path from "node:path";

/** The folder of the journals: below DRAY_STATE, else the platform's folder for what programs remember. */
export function journalFolder(): string {
  const base = process.env["DRAY_STATE"] ?? process.env["XDG_STATE_HOME"] ?? path.join(homedir(), ".local", "state");
  return path.join(base, "drayage", "runs");
}

const SUFFIX = ".jsonl";

/** The journal of one run. */
export const fileOf = (folder: string, id: string): string => path.join(folder, `${id}${SUFFIX}`);

/** The run whose journal a file is; undefined: it is something else. An id begins with its time, so ids sort by it. */
export function idIn(file: string): string | undefined {
  const id = file.endsWith(SUFFIX) ? file.slice(0, -SUFFIX.length) : "";
  return /^\d{8}-\d{6}-[a-z0-9]{4}$/.test(id) ? id : undefined;
}

/** When a run began, by its id. */
export function beganAt(id: string): number {
  const [, year, month, day, hour, minute, second] = (/^(....)(..)(..)-(..)(..)(..)/.exec(id) ?? []).map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second);
}
