import { parseJson } from "../json.ts";

/** Where two answers differ: `at` is the field, without the numbers of a list's items. */
export interface Mismatch {
  at: string;
  live: string;
  shadow: string;
  /** Of two numbers. */
  by?: number;
}

/** Compares two bodies: as JSON where both are, else letter by letter. Numbers may differ by `tolerance` of the larger one. */
export function compareBodies(live: string, shadow: string, tolerance: number): Mismatch[] {
  const [a, b] = [parseJson(live), parseJson(shadow)];
  if (a !== undefined && b !== undefined) return compare(a.value, b.value, tolerance, "");
  return live === shadow ? [] : [mismatch("body", live, shadow)];
}

function compare(live: unknown, shadow: unknown, tolerance: number, at: string): Mismatch[] {
  if (typeof live === "number" && typeof shadow === "number") {
    const by = Math.abs(live - shadow);
    return by <= tolerance * Math.max(1, Math.abs(live), Math.abs(shadow))
      ? []
      : [{ ...mismatch(at, live, shadow), by }];
  }
  if (Array.isArray(live) && Array.isArray(shadow)) {
    if (live.length !== shadow.length) return [mismatch(`${at}[]`, `${live.length} items`, `${shadow.length} items`)];
    return live.flatMap((item: unknown, index) => compare(item, shadow[index], tolerance, `${at}[]`));
  }
  if (isObject(live) && isObject(shadow)) {
    const keys = new Set([...Object.keys(live), ...Object.keys(shadow)]);
    return [...keys].flatMap((key) => compare(live[key], shadow[key], tolerance, at === "" ? key : `${at}.${key}`));
  }
  return live === shadow ? [] : [mismatch(at, live, shadow)];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function mismatch(at: string, live: unknown, shadow: unknown): Mismatch {
  return { at: at === "" ? "body" : at, live: brief(live), shadow: brief(shadow) };
}

function brief(value: unknown): string {
  const said = typeof value === "string" ? value : (JSON.stringify(value) ?? "missing");
  return said.length > 60 ? `${said.slice(0, 57)}...` : said;
}
