import { createReadStream } from "node:fs";

/** A line of a file, and the byte behind it. */
export interface Line {
  text: string;
  end: number;
  /** The last line of a file that ends without a line break. */
  torn: boolean;
}

const LINE_BREAK = 0x0a;

/** The lines of a file, one at a time, whatever its size. */
export async function* linesOf(file: string): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  let end = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let at = bytes.indexOf(LINE_BREAK); at !== -1; at = bytes.indexOf(LINE_BREAK, from)) {
      end += at + 1 - from;
      yield { text: bytes.toString("utf8", from, at), end, torn: false };
      from = at + 1;
    }
    rest = bytes.subarray(from);
  }
  if (rest.length > 0) yield { text: rest.toString("utf8"), end: end + rest.length, torn: true };
}
