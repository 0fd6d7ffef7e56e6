import type { Report } from "../../core/report.ts";
import { say, sayJson, table } from "./say.ts";

/** Prints what was found: a list of it for programs, its lines and tables for people. */
export function sayReports(reports: readonly Report[], as: "json" | "text"): void {
  if (as === "json") return sayJson(reports.map(({ data }) => data));
  for (const { text } of reports)
    say(text.map((block) => (typeof block === "string" ? block : table(block.columns, block.rows))).join("\n"));
}
