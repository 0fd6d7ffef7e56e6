import type { ErrorCode } from "yaml";
import type * as z from "zod";

const KINDS: Record<string, string> = {
  string: "text",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "keys with values",
  record: "keys with values",
};

/** One sentence about a value that schema.yaml may not have. */
export function issueWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case "invalid_type": {
      const wanted = KINDS[issue.expected] ?? issue.expected;
      return issue.input === undefined ? `this key is missing; it takes ${wanted}` : `expected ${wanted}`;
    }
    case "invalid_value":
      return `expected one of ${issue.values.map(String).join(", ")}`;
    case "unrecognized_keys":
      return `unknown key "${issue.keys[0] ?? ""}"`;
    case "too_small":
      return `expected at least ${issue.minimum}${entries(issue.origin)}`;
    case "too_big":
      return `expected at most ${issue.maximum}${entries(issue.origin)}`;
    default:
      return "this value is not allowed";
  }
}

const entries = (origin: string): string =>
  origin === "array" ? " entries" : origin === "string" ? " characters" : "";

const SYNTAX: Partial<Record<ErrorCode, string>> = {
  MULTIPLE_DOCS: "the file has two documents; nothing may follow a line of three dashes",
  DUPLICATE_KEY: "this key stands here twice",
  TAB_AS_INDENT: "a tab stands where YAML takes spaces only",
  BAD_INDENT: "the indentation does not fit here, or a bracket before it is not closed",
};

/** One sentence about text that is not YAML. */
export function syntaxWords(code: ErrorCode): string {
  return SYNTAX[code] ?? "this is not valid YAML";
}
