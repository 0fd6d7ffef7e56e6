import Table from "cli-table3";
import { priceAge, type ComparedRow, sourcesOf, sourceText } from "../../core/compare.ts";
import { WAY_NAMES, WAYS } from "../../core/compare-facts.ts";

/** Wider lines are hard to read, whatever the terminal has room for. */
const WIDEST = 100;
const NARROWEST = 60;
const NAMES = 20;
const NONE = { left: "", mid: "", right: "", middle: " ", "left-mid": "", "mid-mid": "", "right-mid": "" };
const BLANK = { ...NONE, top: "", "top-mid": "", "top-left": "", "top-right": "" };

/** The comparison as it fits a terminal: each question with a line for each way; numbers lead to the sources below. */
export function compareText(rows: readonly ComparedRow[], columns: number, now: Date): string {
  const width = Math.min(WIDEST, Math.max(NARROWEST, columns));
  const sources = sourcesOf(rows);
  return [
    ...rows.map((row) => blockOf(row, sources, width)),
    "sources:",
    ...sources.map((source, index) => sourceLines(index + 1, source)),
    "",
    wrapped([["", priceAge(now)]], 0, width),
  ].join("\n");
}

function blockOf(row: ComparedRow, sources: readonly string[], width: number): string {
  const lines = WAYS.filter((way) => row.cells[way] !== "").map((way): [string, string] => {
    const note = sources.indexOf(sourceText(row.known[way]));
    return [`  ${WAY_NAMES[way]}`, `${row.cells[way]}${note === -1 ? "" : ` [${note + 1}]`}`];
  });
  const title = row.known.hand.source === "measured" ? `${row.what} (measured now)` : row.what;
  return `${title}\n${wrapped(lines, NAMES, width)}\n`;
}

/** An address has a line of its own and is never cut: in two parts it leads nowhere. */
function sourceLines(number: number, source: string): string {
  return `[${number}]`.padEnd(6) + source.replaceAll(/ (?=https:|\()/g, `\n${" ".repeat(6)}`);
}

/** Two columns, the second wrapped within the width. */
function wrapped(lines: readonly [string, string][], first: number, width: number): string {
  const made = new Table({
    chars: { ...BLANK, bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colWidths: first === 0 ? [width] : [first, width - first - 1],
    wordWrap: true,
  });
  made.push(...lines.map((cells) => (first === 0 ? [cells[1]] : [...cells])));
  const text = made.toString().split("\n");
  return text.map((line) => line.trimEnd()).join("\n");
}
