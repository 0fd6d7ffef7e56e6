import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { type Issue, Refusal } from "../refusal.ts";
import { compileGlance } from "./compiled.ts";
import { expected, type Feature, rowSchema } from "./features.ts";
import type { Row } from "./row.ts";

const MAX_ISSUES = 20;

/** Checks rows; the schema is compiled once, to code. Fills defaults in. */
export class Validator {
  readonly #features: ReadonlyMap<string, Feature>;
  readonly #check: ReturnType<Ajv2020["compile"]>;
  readonly #glance: (row: unknown) => boolean;
  readonly #maxRows: number;

  constructor(features: readonly Feature[], maxRows: number) {
    mustBeNames(features);
    this.#features = new Map(features.map((feature) => [feature.name, feature]));
    this.#maxRows = maxRows;
    this.#glance = compileGlance(features);
    this.#check = new Ajv2020({ allErrors: true, useDefaults: true, strict: false }).compile(rowSchema(features));
  }

  /** One row or a list of them. @throws Refusal 422 that names each field, 413 for too many rows */
  rows(body: unknown): Row[] {
    const rows: unknown[] = Array.isArray(body) ? body : [body];
    if (rows.length === 0)
      throw refuse([{ path: "", expected: "one row, or a list of at least one", got: "an empty list" }]);
    this.mustNotBeTooMany(rows.length);
    const issues: Issue[] = [];
    for (const [index, row] of rows.entries()) {
      if (this.#glance(row) || this.#check(row)) continue;
      issues.push(...this.#explain(row, Array.isArray(body) ? `/${index}` : ""));
      if (issues.length >= MAX_ISSUES) break;
    }
    if (issues.length > 0) throw refuse(issues.slice(0, MAX_ISSUES));
    return rows as Row[];
  }

  /** @throws Refusal 413 */
  mustNotBeTooMany(rows: number): void {
    if (rows > this.#maxRows) throw new Refusal(413, `${rows} rows at once; at most ${this.#maxRows}`);
  }

  #explain(row: unknown, prefix: string): Issue[] {
    const seen = new Set<string>();
    return (this.#check.errors ?? []).flatMap((error) => {
      const issue = this.#issue(error, row, prefix);
      if (seen.has(issue.path)) return [];
      seen.add(issue.path);
      return [issue];
    });
  }

  #issue(error: ErrorObject, row: unknown, prefix: string): Issue {
    const parameters = error.params as { missingProperty?: string; additionalProperty?: string };
    if (parameters.missingProperty !== undefined) {
      const feature = this.#features.get(parameters.missingProperty);
      return {
        path: `${prefix}/${pointer(parameters.missingProperty)}`,
        expected: feature === undefined ? "a value" : expected(feature),
        got: "nothing",
      };
    }
    if (parameters.additionalProperty !== undefined) {
      return {
        path: `${prefix}/${pointer(parameters.additionalProperty)}`,
        expected: `only ${[...this.#features.keys()].join(", ")}`,
        got: "an unknown field",
      };
    }
    const [, name = ""] = error.instancePath.split("/");
    const feature = this.#features.get(name.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (feature === undefined)
      return { path: prefix, expected: "an object with named features", got: kindOfValue(row) };
    const path = feature.type === "tensor" ? error.instancePath : `/${name}`;
    return { path: prefix + path, expected: expected(feature), got: shown((row as Row)[feature.name], feature) };
  }
}

/** These two no object of JavaScript can have as a key like any other. @throws Refusal */
function mustBeNames(features: readonly Feature[]): void {
  const bad = features.find(({ name }) => name === "__proto__" || name !== Buffer.from(name).toString());
  if (bad !== undefined)
    throw new Refusal(
      400,
      `a feature cannot be called ${JSON.stringify(bad.name)}; give it another name in schema.yaml`,
    );
}

function refuse(issues: readonly Issue[]): Refusal {
  const [first] = issues;
  return new Refusal(422, `${first?.path || "the body"}: expected ${first?.expected}, got ${first?.got}`, issues);
}

/** A key as a part of a JSON Pointer (RFC 6901, section 3). */
function pointer(key: string): string {
  return key.slice(0, 100).replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Values may be private: only numbers and what was chosen from a list are repeated. */
function shown(value: unknown, feature: Feature): string {
  if (typeof value === "number") return String(value);
  if (typeof value === "string" && feature.allowed !== undefined) return JSON.stringify(value.slice(0, 40));
  return kindOfValue(value);
}

function kindOfValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  return (
    { object: "an object", string: "a text", number: "a number", boolean: "true or false" }[typeof value as "object"] ??
    "nothing"
  );
}
