import * as z from "zod";

const BYTES: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
};
const MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function quantity(said: string, units: Record<string, number>): number | undefined {
  const [, number, suffix = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(said.trim()) ?? [];
  const factor = units[suffix.toLowerCase()];
  return number === undefined || factor === undefined ? undefined : Math.round(Number(number) * factor);
}

function unit(units: Record<string, number>, expected: string): z.ZodType<number, string> {
  return z.string().transform((said, context) => {
    const value = quantity(said, units);
    if (value !== undefined && value > 0) return value;
    context.addIssue({ code: "custom", message: `expected ${expected}, got "${said}"` });
    return z.NEVER;
  });
}

/** `512MiB`, `1GiB`, `200MB` -> bytes. */
export const bytes: z.ZodType<number, string> = unit(BYTES, "a size such as 512MiB or 1GiB");
/** `500ms`, `60s`, `5m` -> milliseconds. */
export const duration: z.ZodType<number, string> = unit(MS, "a duration such as 500ms, 60s or 5m");

function scaled(pattern: RegExp, by: number, expected: string): z.ZodType<number, string> {
  return z.string().transform((said, context) => {
    const value = Number(pattern.exec(said.trim())?.[1] ?? Number.NaN) * by;
    if (Number.isFinite(value)) return value;
    context.addIssue({ code: "custom", message: `expected ${expected}, got "${said}"` });
    return z.NEVER;
  });
}

/** `1%` -> 0.01. */
export const percent: z.ZodType<number, string> = scaled(/^(\d+(?:\.\d+)?)\s*%$/, 0.01, "a percentage such as 1%");
/** `1.5x` -> 1.5. */
export const factor: z.ZodType<number, string> = scaled(/^(\d+(?:\.\d+)?)\s*x$/, 1, "a factor such as 1.5x");

/** So many in so many milliseconds. */
export interface Rate {
  of: "requests" | "tokens";
  count: number;
  perMs: number;
}

/** `100/s`, `1000/m`, `50000 tokens/m` -> so many in so many milliseconds. */
export const rate: z.ZodType<Rate, string> = z.string().transform((said, context) => {
  const [, count, tokens, per = ""] = /^(\d+)(\s*tokens)?\s*\/\s*([smh])$/.exec(said.trim()) ?? [];
  const [perMs, many] = [MS[per], Number(count)];
  if (perMs !== undefined && many > 0 && Number.isSafeInteger(many))
    return { of: tokens === undefined ? "requests" : "tokens", count: many, perMs };
  context.addIssue({
    code: "custom",
    message: `expected a rate such as 100/s, 1000/m or 50000 tokens/m, got "${said}"`,
  });
  return z.NEVER;
});

/** A rate of each kind. */
export const rates: z.ZodType<Rate[], string[]> = z
  .array(rate)
  .min(1)
  .refine(
    (all) => new Set(all.map(({ of }) => of)).size === all.length,
    "expected one rate of requests and one of tokens",
  );

/** Milliseconds of `10m`, `7d`; undefined of anything else. For command lines. */
export function durationOf(said: string): number | undefined {
  return quantity(said, { ...MS, d: 86_400_000 });
}
