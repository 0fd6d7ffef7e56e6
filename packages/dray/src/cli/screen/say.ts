import Table from "cli-table3";

/** Prints a result on stdout. */
export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a result as JSON on stdout. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, undefined, 2));
}

/** Prints words for people on stderr. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
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
