import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { inTurn } from "./turns.ts";

/** One line of a chart. */
export interface Curve {
  name: string;
  /** Which of the page's four chart colours. */
  colour: 1 | 2 | 3 | 4;
  values: readonly (number | null)[];
  fill?: boolean;
}

interface Given {
  /** What it shows, for whoever does not see it. */
  label: string;
  /** Seconds since 1970. */
  at: readonly number[];
  curves: readonly Curve[];
  text: (value: number) => string;
}

const HEIGHT = 190;

/** Numbers over time. The words below it say what the last of them are. */
export function Chart(given: Given) {
  const { label, curves, text } = given;
  const box = usePlot(given);
  return (
    <>
      <div class="chart" role="img" aria-label={`${label}: ${lastOf(curves, text)}`} ref={box} />
      <ul class="keys">
        {curves.map(({ name, colour, values }) => (
          <li key={name}>
            <i style={{ background: `var(--c${colour})` }} />
            {name} <strong>{textOf(values.at(-1), text)}</strong>
          </li>
        ))}
      </ul>
    </>
  );
}

/** The drawing within a box: each chart in a turn of its own, and only while somebody can see it. */
function usePlot({ at, curves, text }: Given): { current: HTMLDivElement | null } {
  const box = useRef<HTMLDivElement>(null);
  const redraw = useRef<() => void>(() => undefined);
  const now = useRef({ at, curves });
  now.current = { at, curves };
  const shape = curves.map(({ name }) => name).join(" ");
  useEffect(() => {
    const { current } = box;
    if (current === null) return undefined;
    const drawing = drawn(current, () => now.current, text);
    redraw.current = drawing.draw;
    return drawing.end;
  }, [shape]);
  useEffect(() => redraw.current());
  return box;
}

interface Drawing {
  draw: () => void;
  end: () => void;
}

function drawn(within: HTMLElement, now: () => Pick<Given, "at" | "curves">, text: Given["text"]): Drawing {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let plot: uPlot | undefined;
  let isSeen = false;
  let forget: () => void = () => undefined;
  const draw = (): void => {
    forget();
    if (!isSeen) return;
    forget = inTurn(() => {
      const { at, curves } = now();
      if (plot === undefined) plot = new uPlot(optionsOf(within, curves, text), dataOf(at, curves), within);
      else plot.setData(dataOf(at, curves));
    });
  };
  const drop = (): void => {
    forget();
    plot?.destroy();
    plot = undefined;
  };
  const recolour = (): void => {
    drop();
    draw();
  };
  const sized = new ResizeObserver(() => {
    if (plot !== undefined && plot.width !== within.clientWidth)
      plot.setSize({ width: within.clientWidth, height: HEIGHT });
  });
  const watched = new IntersectionObserver((seen) => {
    isSeen = seen.some(({ isIntersecting }) => isIntersecting);
    draw();
  });
  sized.observe(within);
  watched.observe(within);
  dark.addEventListener("change", recolour);
  const end = (): void => {
    sized.disconnect();
    watched.disconnect();
    dark.removeEventListener("change", recolour);
    drop();
  };
  return { draw, end };
}

const textOf = (value: number | null | undefined, text: Given["text"]): string =>
  value === null || value === undefined ? "–" : text(value);

function lastOf(curves: readonly Curve[], text: Given["text"]): string {
  return curves.map(({ name, values }) => `${name} ${textOf(values.at(-1), text)}`).join(", ");
}

function dataOf(at: readonly number[], curves: readonly Curve[]): uPlot.AlignedData {
  return [[...at], ...curves.map(({ values }) => [...values])];
}

const DAY_S = 86_400;
const HOURS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAYS = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** How a moment is written beside others: by the clock, or by the day where they are days apart. */
function timesOf(ticks: readonly number[]): (at: number) => string {
  const [first = 0] = ticks;
  const format = (ticks.at(-1) ?? 0) - first > 2 * DAY_S ? DAYS : HOURS;
  return (at) => format.format(at * 1000);
}

function optionsOf(within: HTMLElement, curves: readonly Curve[], text: Given["text"]): uPlot.Options {
  const style = getComputedStyle(within);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--soft"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: within.clientWidth,
    height: HEIGHT,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 72, values: (_plot, ticks) => ticks.map(timesOf(ticks)) },
      { ...axis, size: 64, values: (_plot, ticks) => ticks.map(text) },
    ],
    series: [
      {},
      ...curves.map((curve): uPlot.Series => ({
        label: curve.name,
        stroke: colour(`--c${curve.colour}`),
        width: 2,
        points: { show: false },
        ...(curve.fill === true ? { fill: `${colour(`--c${curve.colour}`)}26` } : {}),
      })),
    ],
  };
}
