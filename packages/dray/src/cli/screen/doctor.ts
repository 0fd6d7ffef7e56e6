import type { Finding } from "../../flows/doctor/finding.ts";
import { paint } from "./screen.ts";

const MARKS = { pass: "✓", fail: "✗", lacking: "-", unknown: "?" } as const;
const COLOURS = { pass: "green", fail: "red", lacking: "dim", unknown: "yellow" } as const;

/** A line for each thing: what was seen; and its fix, where there is one. */
export function doctorText(findings: readonly Finding[]): string {
  const wide = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .flatMap(({ name, verdict, evidence, fix }) => [
      `${paint(COLOURS[verdict], MARKS[verdict])} ${name.padEnd(wide)}  ${evidence}`,
      ...(fix === undefined ? [] : [`  ${" ".repeat(wide)}  fix: ${fix}`]),
    ])
    .join("\n");
}
