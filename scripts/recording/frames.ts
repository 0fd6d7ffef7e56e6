import xterm, { type Terminal } from "@xterm/headless";

/** A piece of a terminal's line that looks the same all along. */
export interface Span {
  text: string;
  /** Of the 16 colours of a terminal; undefined: the usual one. */
  colour: number | undefined;
  bold: boolean;
  dim: boolean;
}

export type Line = readonly Span[];

/** A picture of the terminal, and how long it stays. */
export interface Frame {
  lines: readonly Line[];
  ms: number;
}

/** Something that was written to the terminal, and how long after the thing before. */
export interface Written {
  text: string;
  afterMs: number;
}

/** Quicker than this the eye does not follow. */
const SHORTEST_MS = 120;
/** Nobody watches a still picture for longer. */
const LONGEST_MS = 1200;
const LAST_MS = 5000;

/** Pictures of a terminal of that size while that is written to it; equal ones that follow each other are one. */
export async function framesOf(written: readonly Written[], size: { cols: number; rows: number }): Promise<Frame[]> {
  const terminal = new xterm.Terminal({ ...size, allowProposedApi: true, convertEol: false });
  const frames: Frame[] = [];
  let waited = 0;
  for (const { text, afterMs } of written) {
    waited += afterMs;
    if (waited >= SHORTEST_MS) {
      add(frames, { lines: linesOf(terminal), ms: Math.min(waited, LONGEST_MS) });
      waited = 0;
    }
    await new Promise<void>((done) => terminal.write(text, done));
  }
  frames.push({ lines: linesOf(terminal), ms: LAST_MS });
  terminal.dispose();
  return frames;
}

function add(frames: Frame[], frame: Frame): void {
  const last = frames.at(-1);
  if (last !== undefined && JSON.stringify(last.lines) === JSON.stringify(frame.lines))
    last.ms = Math.min(last.ms + frame.ms, LONGEST_MS);
  else frames.push(frame);
}

function linesOf(terminal: Terminal): Line[] {
  const { active } = terminal.buffer;
  return Array.from({ length: terminal.rows }, (_, row) => {
    const line = active.getLine(active.viewportY + row);
    const spans: Span[] = [];
    for (let column = 0; column < terminal.cols; column++) {
      const cell = line?.getCell(column);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const colour = cell.isFgPalette() ? cell.getFgColor() : undefined;
      const look = { colour, bold: cell.isBold() !== 0, dim: cell.isDim() !== 0 };
      extend(spans, { text: cell.getChars() || " ", ...look });
    }
    return trimmed(spans);
  });
}

function extend(spans: Span[], next: Span): void {
  const last = spans.at(-1);
  if (last === undefined || last.colour !== next.colour || last.bold !== next.bold || last.dim !== next.dim)
    spans.push(next);
  else last.text += next.text;
}

/** A line without the blanks at its end. */
function trimmed(spans: Span[]): Line {
  const last = spans.at(-1);
  if (last === undefined) return spans;
  last.text = last.text.trimEnd();
  return last.text === "" ? trimmed(spans.slice(0, -1)) : spans;
}
