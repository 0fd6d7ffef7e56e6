import type { ErrorCode } from "yaml";
import type * as z from "zod";

const KINDS: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "keys with values",
  record: "keys with values",
};
const FORMATS: Record<string, string> = { url: "a URL", email: "a mail address" };

/** One sentence about a value that the schema does not allow; the schema's own words, where it has some, come before it. */
export function issueWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return wrongKind(issue.expected, issue.input);
    case "invalid_value":
      return `expected ${listed(issue.values.map(String))}${found(issue.input)}`;
    case "too_small":
      return outside("at least", issue.minimum, issue.origin);
    case "too_big":
      return outside("at most", issue.maximum, issue.origin);
    case "invalid_format":
      return `expected ${FORMATS[issue.format] ?? "text of another form"}${found(issue.input)}`;
    case "unrecognized_keys":
      return `unknown key "${issue.keys[0] ?? ""}"`;
    case "not_multiple_of":
      return `expected a multiple of ${issue.divisor}${found(issue.input)}`;
    case "invalid_union":
      return unionWords(issue);
    default:
      return `this value is not allowed${found(issue.input)}`;
  }
}

function wrongKind(expected: string, input: unknown): string {
  const wanted = KINDS[expected] ?? expected;
  return input === undefined ? `this key is missing; it takes ${wanted}` : `expected ${wanted}${found(input)}`;
}

function outside(which: string, bound: number | bigint, origin: string): string {
  if (origin === "string") return `expected ${which} ${bound} characters`;
  return origin === "array" ? `expected ${which} ${bound} entries` : `expected ${which} ${bound}`;
}

/** The branch that the value is nearest to: one that takes its kind, and finds something in it. */
function unionWords(issue: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  if (issue.input === undefined) return "this key is missing";
  const branches = issue.errors.map((branch) => branch[0]).filter((first) => first !== undefined);
  const inside = branches.find((first) => first.code !== "invalid_type" || first.path.length > 0);
  if (inside === undefined) return `expected another kind of value${found(issue.input)}`;
  const at = inside.path.length === 0 ? "" : `${inside.path.join(".")}: `;
  return at + inside.message;
}

function listed(values: readonly string[]): string {
  const last = values.at(-1) ?? "";
  return values.length < 2 ? last : `${values.slice(0, -1).join(", ")} or ${last}`;
}

function found(input: unknown): string {
  if (Array.isArray(input)) return ", found a list";
  if (input === null) return ", found nothing";
  return typeof input === "object" ? ", found keys with values" : `, found ${JSON.stringify(input)}`;
}

const SYNTAX: Partial<Record<ErrorCode, string>> = {
  MULTIPLE_DOCS: "the file has two documents, and a manifest is one: nothing may follow a line of three dashes",
  TAB_AS_INDENT: "a tab stands where YAML takes spaces only",
  BAD_INDENT: "the indentation does not fit here, or a bracket before it is not closed",
  MISSING_CHAR: "a bracket or a quotation mark is not closed, or a colon or comma is missing",
  BLOCK_AS_IMPLICIT_KEY:
    "a value follows a colon on a line that has one already; put it on a line of its own, or in quotes",
  MULTILINE_IMPLICIT_KEY: "a key goes over several lines; is a colon missing?",
  BAD_ALIAS: "an alias (*name) has no name",
  BAD_SCALAR_START: "text cannot begin with this character; put it in quotes",
  BAD_DQ_ESCAPE: "YAML knows no such escape; put the text in single quotes",
  UNEXPECTED_TOKEN: "YAML does not expect this here",
  TAG_RESOLVE_FAILED: "YAML knows no such tag (!name)",
};

/** One sentence about text that is not YAML. */
export function syntaxWords(code: ErrorCode): string {
  return SYNTAX[code] ?? "this is not valid YAML";
}
