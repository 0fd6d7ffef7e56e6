import { readFile } from "node:fs/promises";
import path from "node:path";
import { distance } from "fastest-levenshtein";
import { type Document, isMap, isPair, isScalar, LineCounter, parseDocument, visit, type YAMLParseError } from "yaml";
import * as z from "zod";
import type { Code } from "../base/codes.ts";
import { Failure, type FailurePlace } from "../base/failure.ts";
import { frame } from "../base/frame.ts";
import { isValues, overlaid, sameEndpoint, type Values } from "../manifest/environments.ts";
import type { Manifest, ManifestText } from "../manifest/schema.ts";
import { issueWords, syntaxWords } from "../manifest/words.ts";
import { manifestSchema, TARGET_KINDS } from "./schema.ts";

export const MANIFEST_FILE = "dray.yaml";

/**
 * Reads a manifest file. `environment`: which one of those that it has.
 * @throws Failure manifest.missing, and those of `parseManifest`
 */
export async function loadManifest(file: string, environment?: string): Promise<Manifest> {
  const source = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("manifest.missing", `there is no ${path.basename(file)} in ${path.dirname(path.resolve(file))}`, {
      hint: "dray init writes one; or say it all here: dray deploy IMAGE --machine user@host --service name",
      cause: error,
    });
  });
  return {
    ...parseManifest(source, path.relative(process.cwd(), path.resolve(file)) || file, environment),
    folder: path.dirname(path.resolve(file)),
    file,
  };
}

/** Text -> what was meant. @throws Failure manifest.* with file, line, column and a code frame */
export function parseManifest(source: string, file: string, environment?: string): Omit<Manifest, "folder" | "file"> {
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false, merge: true });
  const at = (offset: number): FailurePlace => placeOf(source, file, counter, offset);
  const [error] = document.errors;
  if (error !== undefined) throw explainSyntax(error, document, at(error.pos[0]));
  const values = valuesOf(document, at);
  if (isValues(values) && values["environments"] !== undefined) return checkedIn(values, environment, { document, at });
  if (environment !== undefined)
    throw new Failure("manifest.environment", `this manifest has no environments, so there is no ${environment}`, {
      place: at(0),
      hint: "leave -e and DRAY_ENVIRONMENT out, or write them: environments: {staging: {machine: ops@203.0.113.9}}",
    });
  return checked(values, { document, at });
}

/** A manifest's text as it was read, and where in its file an offset stands. */
interface Read {
  document: Document;
  at: (offset: number) => FailurePlace;
  /** The environment whose values lie on top: what is wrong is looked for there first. */
  environment?: string;
}

function checked(values: unknown, read: Read): Omit<Manifest, "folder" | "file"> {
  const result = manifestSchema.safeParse(values, { error: issueWords });
  if (result.success) return withParts(result.data);
  throw explain(result.error.issues, read);
}

/** All environments are checked, so that a slip in production's is met before production is deployed to. */
function checkedIn(
  { environments, ...shared }: Values,
  wanted: string | undefined,
  read: Read,
): Omit<Manifest, "folder" | "file"> {
  const shape = manifestSchema.shape.environments.safeParse(environments, { error: issueWords });
  if (!shape.success) {
    const issues = shape.error.issues.map((issue) => ({ ...issue, path: ["environments", ...issue.path] }));
    throw explain(issues, read);
  }
  const each = Object.entries(shape.data ?? {}).map(([name, over]) => {
    const values = checked(overlaid(shared, over), { ...read, environment: name });
    return [name, { ...values, environment: name }] as const;
  });
  const all = new Map(each);
  const place = read.at(offsetOf(read.document, ["environments"], true));
  const twice = sameEndpoint(all);
  if (twice !== undefined)
    throw new Failure("manifest.environment", `${twice.join(" and ")} are the same service at the same place`, {
      place,
      hint: `a deploy of one would replace the other: give ${twice[1]} another machine, or a \`service:\` of its own`,
    });
  const found = all.get(wanted ?? "");
  if (found !== undefined) return found;
  const names = [...all.keys()].join(", ");
  throw new Failure(
    "manifest.environment",
    wanted === undefined ? "this manifest has environments, and none is named" : `there is no environment ${wanted}`,
    { place, hint: `-e NAME, or DRAY_ENVIRONMENT=NAME; there are: ${names}` },
  );
}

function explainSyntax(error: YAMLParseError, document: Document, place: FailurePlace): Failure {
  if (error.code !== "DUPLICATE_KEY") {
    const hint = "YAML needs two spaces of indentation and a space after the colon";
    return new Failure("manifest.syntax", syntaxWords(error.code), { place, hint, cause: error });
  }
  const machines = document.get("machines", true);
  const [from = 0, to = 0] = isMap(machines) ? (machines.range ?? []) : [];
  if (error.pos[0] >= from && error.pos[0] < to) {
    const hint = "give each machine its own name";
    return new Failure("manifest.duplicate-machine", "two machines have this name", { place, hint, cause: error });
  }
  const hint = "keep one of them; of two, it cannot be known which is meant";
  return new Failure("manifest.duplicate-key", "this key stands here twice", { place, hint, cause: error });
}

/** The file's values. Keys beside ours that begin with `x-` are the user's own, for anchors, as in compose files. */
function valuesOf(document: Document, at: (offset: number) => FailurePlace): unknown {
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const place = at(alias.range?.[0] ?? 0);
      const hint = `name the value before it is used: &${alias.source} stands in front of it`;
      throw new Failure("manifest.syntax", `nothing in this file is called &${alias.source}`, { place, hint });
    },
  });
  const values: unknown = plain(document, at);
  if (typeof values !== "object" || values === null || Array.isArray(values)) return values ?? {};
  return Object.fromEntries(Object.entries(values).filter(([key]) => !key.startsWith("x-")));
}

function plain(document: Document, at: (offset: number) => FailurePlace): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // A few lines of aliases to aliases would fill the memory of any computer.
    throw new Failure("manifest.syntax", "the aliases in this file stand for far more than it has", {
      place: at(0),
      hint: "write the values out, or use fewer aliases inside of aliases",
      cause: error,
    });
  }
}

/** The same check for a manifest made from the command line. */
export function checkManifest(raw: unknown): Omit<Manifest, "folder" | "file"> {
  const result = manifestSchema.safeParse(raw, { error: issueWords });
  if (result.success) return withParts(result.data);
  const [issue] = result.error.issues;
  throw new Failure("usage.invalid", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`, {
    hint: "dray deploy --help",
  });
}

function explain(issues: readonly z.core.$ZodIssue[], read: Read): Failure {
  const [issue] = issues;
  if (issue === undefined) throw new TypeError("no issue");
  const others = issues.slice(1).map((other) => `also: ${other.path.join(".")}: ${other.message}`);
  if (issue.code === "unrecognized_keys") return unknownKey(issue, read, others);
  const where = issue.path.length === 0 ? "" : `${issue.path.map(String).join(".")}: `;
  const code: Code = /same machine/.test(issue.message) ? "manifest.duplicate-machine" : "manifest.invalid";
  return new Failure(code, where + issue.message, {
    place: read.at(offsetOf(read.document, pathIn(read, issue.path))),
    hint: "docs/manifest.md lists every key",
    details: others,
  });
}

function unknownKey(issue: z.core.$ZodIssueUnrecognizedKeys, read: Read, others: readonly string[]): Failure {
  const key = issue.keys[0] ?? "";
  const known = knownKeys(issue.path);
  const nearest = known.toSorted((a, b) => distance(key, a) - distance(key, b))[0];
  const close = nearest !== undefined && distance(key, nearest) <= Math.max(2, key.length / 3);
  return new Failure(
    "manifest.unknown-key",
    `unknown key "${key}"${issue.path.length > 0 ? ` in ${issue.path.join(".")}` : ""}`,
    {
      place: read.at(offsetOf(read.document, pathIn(read, [...issue.path, key]), true)),
      hint: close ? `did you mean "${nearest}"?` : `known here: ${known.join(", ")}`,
      details: others,
    },
  );
}

function knownKeys(at: readonly PropertyKey[]): string[] {
  const [top] = at;
  if (top === "build") return ["context", "dockerfile", "args"];
  const shape: Record<string, z.ZodType> = manifestSchema.shape;
  const field = typeof top === "string" ? shape[top] : undefined;
  const inner = field instanceof z.ZodPrefault ? field.unwrap() : field;
  return Object.keys(inner instanceof z.ZodObject ? inner.shape : shape);
}

/** Where a value stands: in the environment that is meant, or where all environments have it from. */
function pathIn({ document, environment }: Read, at: readonly PropertyKey[]): readonly PropertyKey[] {
  if (environment === undefined) return at;
  const over = ["environments", environment, ...at];
  return document.hasIn(over) ? over : at;
}

/** The targets' own options, apart: which there are is their business. */
function withParts(text: ManifestText): Omit<Manifest, "folder" | "file"> {
  return { ...text, parts: Object.fromEntries(Object.entries(text).filter(([key]) => TARGET_KINDS.includes(key))) };
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

function placeOf(source: string, file: string, counter: LineCounter, offset: number): FailurePlace {
  const { line, col } = counter.linePos(offset);
  return {
    file,
    line: Math.max(1, line),
    column: Math.max(1, col),
    frame: frame(source, Math.max(1, line), Math.max(1, col)),
  };
}
