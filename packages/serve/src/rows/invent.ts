import type { Feature } from "../schema/features.ts";
import type { Row } from "../schema/row.ts";

/** How bold invented values are: a model may refuse a text that is no number, or a token that its table has not. */
type Style = "wide" | "small" | "near";

type Cell = number | string | boolean;

/** A tensor of more cells than this is invented three times only. */
const LARGE = 1_000_000;

/** Different rows to ask a model with, from `example`, from what the features allow and the texts that it knows: the same rows for the same model. */
export function inventRows(features: readonly Feature[], example: Row, vocabulary: readonly string[]): Row[] {
  // Half of the texts are ones that the model knows.
  const words = [...WORDS, ...WORDS.map((word, index) => vocabulary[index % vocabulary.length] ?? word)];
  const styles: Style[] = size(features) > LARGE ? ["small", "small", "near"] : ALL;
  return styles.map((style, index) => {
    const random = randomOf(index + 1);
    const scale = SCALES[index] ?? 1;
    return Object.fromEntries(
      features.map((feature) => [
        feature.name,
        invent(feature, example[feature.name], { style, scale, random, words }),
      ]),
    );
  });
}

const ALL: Style[] = ["small", "small", "wide", "wide", "wide", "near", "near", "small", "wide"];
/** Of the numbers, row by row: also one of nothing but zeros, and two that are nearly all above or below it. */
const SCALES = [1, 1, 3, 100, 0.01, 1, 1, 0, -20];

interface Way {
  style: Style;
  scale: number;
  random: () => number;
  words: readonly string[];
}

function size(features: readonly Feature[]): number {
  const cells = (shape: readonly number[]): number => shape.reduce((product, each) => product * Math.max(1, each), 1);
  return features.reduce((sum, feature) => sum + cells(feature.shape), 0);
}

function invent(feature: Feature, example: unknown, way: Way): unknown {
  if (feature.type !== "tensor") return scalar(feature, feature.type, example, way);
  if (way.style === "near") return nearby(feature, example, way);
  // Where the graph leaves a length open, the example's is taken: the lengths of several inputs may have to fit together.
  const lengths = feature.shape.map((each, depth) => (each < 0 ? lengthAt(example, depth) : each));
  return fill(lengths, () => scalar(feature, feature.cell, undefined, way));
}

function lengthAt(value: unknown, depth: number): number {
  if (!Array.isArray(value)) return 1;
  return depth === 0 ? value.length : lengthAt(value[0], depth - 1);
}

function fill([length, ...rest]: readonly number[], cell: () => Cell): unknown {
  return length === undefined ? cell() : Array.from({ length }, () => fill(rest, cell));
}

/** Nested arrays as they are, each cell a little different. */
function nearby(feature: Feature, value: unknown, way: Way): unknown {
  if (Array.isArray(value)) return value.map((each) => nearby(feature, each, way));
  return scalar(feature, feature.cell, value, way);
}

const WORDS = ["text", "Hello World", "a", "north west 7", "The quick brown fox", "1", "x y z", "Ünïcode", "0.5"];

function scalar(feature: Feature, type: string, example: unknown, way: Way): Cell {
  const { allowed } = feature;
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(way.random() * from.length)];
  if (allowed !== undefined) return pick(allowed) ?? 0;
  if (type === "boolean") return way.random() < 0.5;
  if (type === "string") return way.style === "near" && typeof example === "string" ? example : (pick(way.words) ?? "");
  const value = number(feature, typeof example === "number" ? example : 0, way);
  return type === "integer" ? clamp(feature, Math.round(value)) : value;
}

function number(feature: Feature, example: number, { style, scale, random }: Way): number {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = feature;
  const share = random();
  if (maximum - minimum <= 1e6) return minimum + share * (maximum - minimum);
  if (style === "near") return clamp(feature, example * (0.8 + 0.4 * share));
  if (style === "small") return clamp(feature, scale * share * 2);
  // Mostly of one sign where the scale is large, so that a row is far from the others.
  return clamp(feature, scale * (share * 2 - (Math.abs(scale) > 10 ? 0.3 : 1)));
}

function clamp(
  { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY }: Feature,
  value: number,
): number {
  return Math.min(maximum, Math.max(minimum, value));
}

/** Numbers from 0 to 1 that are the same every time (mulberry32: also its first numbers differ well from seed to seed). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
