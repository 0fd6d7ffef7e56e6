import { stripVTControlCharacters } from "node:util";

/** Characters that a terminal obeys: C0 and C1 but tab and line break, and DEL. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;
/** Text of a stranger's (a container's lines, a model's answer) without anything that a terminal would obey. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(CONTROLS, "");
}

/** Colours, which our own words for a terminal have. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const COLOUR = /(\u001B\[[\d;]*m)/;

/** The same for words of ours with a stranger's in them: colours stay, and nothing else that a terminal would obey. */
export function coloured(text: string): string {
  return text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : plain(part)))
    .join("");
}

/** An object's own texts made plain, however deep. */
export function plainIn<T>(value: T): T {
  if (typeof value === "string") return plain(value) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => plainIn(each)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]: [string, unknown]) => [key, plainIn(each)])) as T;
}
