import { compareCompletion, completionIn, type ExpectedCompletion, expectedOf } from "./completion.ts";
import type { Json } from "./json.ts";
import { type CarriedRequest, mediaType } from "./payload.ts";

/** An example request with its expected answer. */
export interface Golden {
  request: CarriedRequest & { method: string; path: string; headers?: Record<string, string> };
  expect: Expected;
}

/** What an answer must be: its status, and its body as JSON, as text, as a completion, or by its content type and SHA-256. */
export interface Expected {
  status: number;
  body?: Json;
  text?: string;
  /** Content type, without its parameters. */
  type?: string;
  /** Of the body's bytes, in hex. */
  sha256?: string;
  /** Of a language model: what its text must be. */
  completion?: ExpectedCompletion;
  /** Absolute and relative, for numbers anywhere in the body. */
  tolerance: number;
  /** The longest answer time. */
  withinMs?: number;
}

export interface Answer {
  status: number;
  /** As text. */
  body: string;
  ms: number;
  /** Its content type, where it says one. */
  type?: string;
  /** Of the bytes of the body, in hex. */
  sha256?: string;
}

/** An answer's text that is longer is expected by its digest. */
const LONGEST_TEXT = 10_000;

/** The expectation that an answer meets. */
export function withAnswer(expect: Expected, answer: Answer): Expected {
  const { body: _body, text: _text, type: _type, sha256: _digest, completion: before, ...rest } = expect;
  const met = { ...rest, status: answer.status };
  const completion = completionIn(answer.body);
  if (completion !== undefined) return { ...met, completion: expectedOf(completion, before) };
  try {
    return { ...met, body: JSON.parse(answer.body) as Json };
  } catch {
    return { ...met, ...contentOf(answer) };
  }
}

/** What to expect of an answer that is no JSON. A page for people changes for many reasons: of it only that it is one. */
function contentOf({ type: said, body, sha256 }: Answer): Pick<Expected, "type" | "text" | "sha256"> {
  if (said === undefined) return {};
  const type = mediaType(said);
  if (type === "text/html") return { type };
  if (type.startsWith("text/") && body.length <= LONGEST_TEXT) return { type, text: body };
  return { type, ...(sha256 === undefined ? {} : { sha256 }) };
}

/** What is wrong with an answer, a line each; empty when it is as expected. */
export function compareGolden(golden: Golden, answer: Answer): string[] {
  const { expect } = golden;
  const wrong: string[] = [];
  if (answer.status !== expect.status)
    wrong.push(`status ${answer.status} instead of ${expect.status}: ${answer.body.slice(0, 200)}`);
  else wrong.push(...compareContent(expect, answer));
  if (expect.withinMs !== undefined && answer.ms > expect.withinMs)
    wrong.push(`took ${answer.ms} ms instead of at most ${expect.withinMs} ms`);
  return wrong;
}

function compareContent(expect: Expected, answer: Answer): string[] {
  const wrong: string[] = [];
  const type = mediaType(answer.type ?? "");
  if (expect.type !== undefined && type !== mediaType(expect.type))
    wrong.push(`the answer is ${type === "" ? "of no content type" : type} instead of ${expect.type}`);
  if (expect.body !== undefined) wrong.push(...compareBody(expect.body, answer.body, expect.tolerance));
  if (expect.completion !== undefined) wrong.push(...compareCompletion(expect.completion, answer.body));
  // Editors put a line break at the end of a text by themselves.
  if (expect.text !== undefined && answer.body.trimEnd() !== expect.text.trimEnd())
    wrong.push(`the body is ${brief(answer.body)} instead of ${brief(expect.text)}`);
  if (expect.sha256 !== undefined && answer.sha256 !== expect.sha256)
    wrong.push(`the body has the SHA-256 ${answer.sha256 ?? "?"} instead of ${expect.sha256}`);
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
