import type { Frame, Line, Span } from "./frames.ts";

const WIDE = 8.5;
const HIGH = 19;
const EDGE = 16;
const TEXT = "#e6ebf0";
const GROUND = "#12171d";
/** The colours of a terminal that Drayage uses: red, green, yellow, blue, magenta, cyan, grey. */
const COLOURS: Record<number, string> = {
  1: "#ff7b72",
  2: "#6fd39a",
  3: "#f0bd60",
  4: "#7fb0ff",
  5: "#c3a1f5",
  6: "#5fd0c5",
  8: "#9eabb8",
};

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function span({ text, colour, bold, dim }: Span): string {
  const fill = colour === undefined ? (dim ? "#9eabb8" : TEXT) : (COLOURS[colour] ?? TEXT);
  const look = [fill === TEXT ? "" : ` fill="${fill}"`, bold ? ' font-weight="bold"' : ""].join("");
  return look === "" ? escaped(text) : `<tspan${look}>${escaped(text)}</tspan>`;
}

/** Frames below each other, as one strip that is moved up; a line that stands in several is written once. */
export function svgOf(frames: readonly Frame[], size: { cols: number; rows: number }, title: string): string {
  const [width, height] = [Math.ceil(size.cols * WIDE + 2 * EDGE), size.rows * HIGH + 2 * EDGE];
  const ids = new Map<string, string>();
  const use = (line: Line, row: number): string => {
    if (line.length === 0) return "";
    const text = line.map(span).join("");
    const id = ids.get(text) ?? `l${ids.size}`;
    ids.set(text, id);
    return `<use href="#${id}" y="${row * HIGH}"/>`;
  };
  const strip = frames.map(
    ({ lines }, at) => `<g transform="translate(0 ${at * height})">${lines.map(use).join("")}</g>`,
  );
  const defs = [...ids].map(([text, id]) => `<text id="${id}">${text}</text>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
<style>
text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; fill: ${TEXT}; white-space: pre; }
#strip { animation: film ${total(frames) / 1000}s steps(1, end) infinite; }
@keyframes film { ${stops(frames, height)} }
@media (prefers-reduced-motion: reduce) { #strip { animation: none; transform: translateY(-${(frames.length - 1) * height}px); } }
</style>
<defs>${defs.join("\n")}</defs>
<rect width="100%" height="100%" rx="10" fill="${GROUND}"/>
<svg x="${EDGE}" y="${EDGE}" width="${width - 2 * EDGE}" height="${size.rows * HIGH}">
<g transform="translate(0 14)"><g id="strip">
${strip.join("\n")}
</g></g>
</svg>
</svg>
`;
}

const total = (frames: readonly Frame[]): number => frames.reduce((sum, { ms }) => sum + ms, 0);

function stops(frames: readonly Frame[], height: number): string {
  let before = 0;
  const at = frames.map(({ ms }, index) => {
    const share = ((before / total(frames)) * 100).toFixed(3);
    before += ms;
    return `${share}% { transform: translateY(-${index * height}px); }`;
  });
  return at.join(" ");
}
