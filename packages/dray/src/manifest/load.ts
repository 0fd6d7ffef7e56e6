import { readFile } from "node:fs/promises";
import path from "node:path";
import { distance } from "fastest-levenshtein";
import { type Document, isMap, isPair, isScalar, LineCounter, parseDocument } from "yaml";
import type * as z from "zod";
import { type Code, Failure, type Place } from "../base/failure.ts";
import { type Manifest, manifestSchema } from "./schema.ts";

export const MANIFEST_FILE = "dray.yaml";

/** Reads a manifest file. @throws Failure manifest.missing, and those of `parseManifest` */
export async function loadManifest(file: string): Promise<Manifest> {
  const source = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("manifest.missing", `there is no ${path.basename(file)} in ${path.dirname(path.resolve(file))}`, {
      hint: "dray init writes one; or say it all here: dray deploy IMAGE --machine user@host --service name",
      cause: error,
    });
  });
  return {
    ...parseManifest(source, path.relative(process.cwd(), path.resolve(file)) || file),
    folder: path.dirname(path.resolve(file)),
    file,
  };
}

/** Text -> what was meant. @throws Failure manifest.* with file, line, column and a code frame */
export function parseManifest(source: string, file: string): Omit<Manifest, "folder" | "file"> {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const at = (offset: number): Place => placeOf(source, file, counter, offset);
  const [error] = document.errors;
  if (error !== undefined) {
    const twice = error.code === "DUPLICATE_KEY";
    throw new Failure(
      twice ? "manifest.duplicate-machine" : "manifest.syntax",
      twice ? "this name stands here twice" : error.message,
      {
        place: at(error.pos[0]),
        hint: twice ? "give each its own name" : "YAML needs two spaces of indentation and a space after the colon",
      },
    );
  }
  const result = manifestSchema.safeParse(document.toJS() ?? {});
  if (result.success) return result.data;
  throw explain(result.error.issues, document, at);
}

/** The same check for a manifest made from the command line. */
export function checkManifest(raw: unknown): Omit<Manifest, "folder" | "file"> {
  const result = manifestSchema.safeParse(raw);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Failure("usage.invalid", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`, {
    hint: "dray deploy --help",
  });
}

function explain(issues: readonly z.core.$ZodIssue[], document: Document, at: (offset: number) => Place): Failure {
  const [issue] = issues;
  if (issue === undefined) throw new TypeError("no issue");
  const others = issues.slice(1).map((other) => `also: ${other.path.join(".")}: ${other.message}`);
  if (issue.code === "unrecognized_keys") return unknownKey(issue, document, at, others);
  const where = issue.path.length === 0 ? "" : `${issue.path.map(String).join(".")}: `;
  const code: Code = /same machine/.test(issue.message) ? "manifest.duplicate-machine" : "manifest.invalid";
  return new Failure(code, where + issue.message, {
    place: at(offsetOf(document, issue.path)),
    hint: "docs/manifest.md lists every key",
    details: others,
  });
}

function unknownKey(
  issue: z.core.$ZodIssueUnrecognizedKeys,
  document: Document,
  at: (offset: number) => Place,
  others: readonly string[],
): Failure {
  const key = issue.keys[0] ?? "";
  const known = knownKeys(issue.path);
  const nearest = known.toSorted((a, b) => distance(key, a) - distance(key, b))[0];
  const close = nearest !== undefined && distance(key, nearest) <= Math.max(2, key.length / 3);
  return new Failure(
    "manifest.unknown-key",
    `unknown key "${key}"${issue.path.length > 0 ? ` in ${issue.path.join(".")}` : ""}`,
    {
      place: at(offsetOf(document, [...issue.path, key], true)),
      hint: close ? `did you mean "${nearest}"?` : `known here: ${known.join(", ")}`,
      details: others,
    },
  );
}

function knownKeys(at: readonly PropertyKey[]): string[] {
  const [top] = at;
  const shape = manifestSchema.shape;
  if (top === "limits") return Object.keys(shape.limits.unwrap().shape);
  if (top === "rollout") return Object.keys(shape.rollout.unwrap().shape);
  if (top === "edge") return Object.keys(shape.edge.unwrap().shape);
  if (top === "vertex") return Object.keys(shape.vertex.unwrap().shape);
  if (top === "build") return ["context", "dockerfile", "args"];
  return Object.keys(shape);
}

/** Where a value (or its key) starts in the text; the nearest parent when it is not there. */
function offsetOf(document: Document, at: readonly PropertyKey[], key: boolean = false): number {
  for (let length = at.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(at.slice(0, length - 1), true);
    if (!isMap(parent)) continue;
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === at[length - 1]);
    const node = key || length < at.length ? pair?.key : (pair?.value ?? pair?.key);
    if (isScalar(node) || isMap(node)) return node.range?.[0] ?? 0;
    if (isScalar(pair?.key)) return pair.key.range?.[0] ?? 0;
  }
  return 0;
}

function placeOf(source: string, file: string, counter: LineCounter, offset: number): Place {
  const { line, col } = counter.linePos(offset);
  return {
    file,
    line: Math.max(1, line),
    column: Math.max(1, col),
    frame: frame(source, Math.max(1, line), Math.max(1, col)),
  };
}

/** Three lines around a place, with a caret under it. */
export function frame(source: string, line: number, column: number): string {
  const all = source.split("\n");
  const width = String(line + 1).length;
  return all
    .slice(Math.max(0, line - 2), line + 1)
    .flatMap((content, index) => {
      const number = Math.max(1, line - 1) + index;
      const row = `${number === line ? ">" : " "} ${String(number).padStart(width)} | ${content}`;
      return number === line ? [row, `  ${" ".repeat(width)} | ${" ".repeat(column - 1)}^`] : [row];
    })
    .join("\n");
}
