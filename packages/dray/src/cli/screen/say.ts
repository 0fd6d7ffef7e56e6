import Table from "cli-table3";
import { coloured, plain } from "./plain.ts";

/** Prints a result on stdout. */
export function say(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? coloured(text) : text}\n`);
}

/** Prints a result as JSON on stdout. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, undefined, 2));
}

/** Prints words for people on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? coloured(text) : text}\n`);
}

/** A line that a container wrote: a terminal is shown its words. */
export function saySaid(from: string, line: string): void {
  say(`${from} | ${process.stdout.isTTY ? plain(line) : line}`);
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
