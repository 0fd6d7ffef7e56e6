export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** An example request with its expected answer. */
export interface Golden {
  request: { method: string; path: string; headers?: Record<string, string>; body?: Json };
  /** `tolerance` is absolute and relative, for numbers anywhere in the body; `withinMs` the longest answer time. */
  expect: { status: number; body?: Json; tolerance: number; withinMs?: number };
}

export interface Answer {
  status: number;
  body: string;
  ms: number;
}

/** The expectation that an answer meets; its body counts where it is JSON. */
export function withAnswer(expect: Golden["expect"], answer: Answer): Golden["expect"] {
  const { body: _old, ...rest } = expect;
  try {
    return { ...rest, status: answer.status, body: JSON.parse(answer.body) as Json };
  } catch {
    return { ...rest, status: answer.status };
  }
}

/** What is wrong with an answer, a line each; empty when it is as expected. */
export function compareGolden(golden: Golden, answer: Answer): string[] {
  const { expect } = golden;
  const wrong: string[] = [];
  if (answer.status !== expect.status)
    wrong.push(`status ${answer.status} instead of ${expect.status}: ${answer.body.slice(0, 200)}`);
  else if (expect.body !== undefined) wrong.push(...compareBody(expect.body, answer.body, expect.tolerance));
  if (expect.withinMs !== undefined && answer.ms > expect.withinMs)
    wrong.push(`took ${answer.ms} ms instead of at most ${expect.withinMs} ms`);
  return wrong;
}

function compareBody(expected: Json, body: string, tolerance: number): string[] {
  let got: Json;
  try {
    got = JSON.parse(body) as Json;
  } catch {
    return [`the body is no JSON: ${body.slice(0, 200)}`];
  }
  return differences(expected, got, tolerance, "body");
}

/** Where `got` lacks or contradicts something of `expected`; keys that are not expected are allowed. */
function differences(expected: Json, got: Json | undefined, tolerance: number, at: string): string[] {
  if (got === undefined) return [`${at} is missing`];
  if (typeof expected === "number" && typeof got === "number") {
    return Math.abs(expected - got) <= tolerance * Math.max(1, Math.abs(expected))
      ? []
      : [`${at} is ${got} instead of ${expected}`];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length)
      return [`${at} is ${brief(got)} instead of ${brief(expected)}`];
    return expected.flatMap((item, index) => differences(item, got[index], tolerance, `${at}[${index}]`));
  }
  if (expected !== null && typeof expected === "object") {
    if (got === null || typeof got !== "object" || Array.isArray(got))
      return [`${at} is ${brief(got)} instead of an object`];
    return Object.entries(expected).flatMap(([key, value]) => differences(value, got[key], tolerance, `${at}.${key}`));
  }
  return expected === got ? [] : [`${at} is ${brief(got)} instead of ${brief(expected)}`];
}

function brief(value: Json): string {
  const said = JSON.stringify(value);
  return said.length > 60 ? `${said.slice(0, 57)}...` : said;
}
