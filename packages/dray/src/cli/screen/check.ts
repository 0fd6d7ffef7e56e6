import type { Checked, Item } from "../../core/check.ts";
import { paint } from "./screen.ts";

const MARKS: Record<Item["verdict"], string> = { pass: "ok", fail: "FAIL", skipped: "-", unknown: "?" };
const COLOURS = { pass: "green", fail: "red", skipped: "dim", unknown: "yellow" } as const;

/** The questions by section, with what was seen; then the scores. */
export function checkText({ items, sections, score }: Checked): string {
  const lines = Object.entries(sections).flatMap(([section, share]) => [
    `${section}: ${percent(share)}`,
    ...items
      .filter((item) => item.section === section)
      .toSorted((a, b) => a.number - b.number)
      .flatMap(itemLines),
  ]);
  const worst = Object.entries(sections).find(([, share]) => share === score)?.[0];
  return [...lines, `score: ${percent(score)}${score < 1 ? `, which is ${worst}'s` : ""}`].join("\n");
}

function itemLines({ number, title, verdict, evidence, fix }: Item): string[] {
  const mark = paint(COLOURS[verdict], MARKS[verdict].padEnd(4));
  return [
    `  ${mark} ${String(number).padStart(2)} ${title}`,
    `          ${evidence}`,
    ...(fix === undefined || verdict !== "fail" ? [] : [`          fix: ${fix}`]),
  ];
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;
