import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";

/** Prints a result on stdout. */
export function say(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? harmless(text) : text}\n`);
}

/** Prints a result as JSON on stdout. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, undefined, 2));
}

/** Prints words for people on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? harmless(text) : text}\n`);
}

/** A line that a container wrote: its colours go, and what else it would have a terminal do is shown and not done. */
export function saySaid(from: string, line: string): void {
  say(`${from} | ${process.stdout.isTTY ? stripVTControlCharacters(line) : line}`);
}

/**
 * Text for a terminal. Colours are ours; any other command (a title, the clipboard, a line that is written over) was
 * written by a model, a machine or a caller, and is shown as it is spelled.
 */
export function harmless(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/\x1b\[[\d;]*m|[^\P{Cc}\n\t]/gu, (found) =>
    found.length > 1 ? found : `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** Resolves when everything that was printed has left this process. */
export async function written(): Promise<void> {
  await Promise.all(
    [process.stdout, process.stderr].map(
      (stream) => new Promise<void>((resolve) => void stream.write("", () => resolve())),
    ),
  );
}

/** A table without lines, as docker and kubectl print them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const blank = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  };
  const made = new Table({
    head: [...head],
    chars: blank,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  made.push(...rows.map((row) => [...row]));
  return made
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
