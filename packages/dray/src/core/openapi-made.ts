import type { Json } from "./json.ts";
import { type Node, resolve } from "./json-reference.ts";

/** A schema may lead to itself, or be written by somebody who wants us to work for ever. */
const DEEPEST = 8;
const MOST = 2000;
const LONGEST_LIST = 64;

const FORMATS: Record<string, string> = {
  date: "2026-01-31",
  "date-time": "2026-01-31T12:00:00Z",
  time: "12:00:00Z",
  email: "somebody@example.com",
  uri: "https://example.com/",
  uuid: "00000000-0000-4000-8000-000000000000",
  ipv4: "192.0.2.1",
};

/**
 * A value that fits a schema of JSON Schema's usual words. `invented`: something in it is neither an example, a default
 * nor the only value allowed. Undefined: it cannot be made.
 */
export function made(document: Node, schema: Json | undefined): { value: Json; invented: boolean } | undefined {
  const maker = new Maker(document);
  const value = maker.of(schema, 0);
  return value === undefined ? undefined : { value, invented: maker.invented };
}

class Maker {
  invented = false;
  readonly #document: Node;
  #count = 0;

  constructor(document: Node) {
    this.#document = document;
  }

  of(at: Json | undefined, depth: number): Json | undefined {
    const schema = resolve(this.#document, at);
    if (schema === undefined || depth > DEEPEST || ++this.#count > MOST) return undefined;
    const said = saidBy(schema);
    if (said !== undefined) return said;
    const { allOf } = schema;
    if (Array.isArray(allOf)) return this.#all(allOf, schema, depth);
    const choices = [schema["anyOf"], schema["oneOf"]].find((each) => Array.isArray(each));
    if (Array.isArray(choices)) return this.#first(choices, depth);
    return this.#typed(schema, depth);
  }

  #first(choices: Json[], depth: number): Json | undefined {
    for (const choice of choices) {
      const value = this.of(choice, depth + 1);
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  }

  /** Objects that are put together of several. */
  #all(parts: Json[], { allOf: _parts, ...own }: Node, depth: number): Json | undefined {
    const values = [...parts, own]
      .filter((each) => Object.keys(resolve(this.#document, each) ?? {}).length > 0)
      .map((each) => this.of(each, depth + 1))
      .filter((each) => each !== undefined);
    const objects = values.filter((each) => each !== null && typeof each === "object" && !Array.isArray(each));
    return objects.length > 0 ? (Object.assign({}, ...objects) as Node) : values[0];
  }

  #typed(schema: Node, depth: number): Json | undefined {
    const type = Array.isArray(schema["type"]) ? schema["type"].find((each) => each !== "null") : schema["type"];
    if (type === "object" || schema["properties"] !== undefined) return this.#object(schema, depth);
    if (type === "array") return this.#array(schema, depth);
    if (type === "null") return null;
    this.invented = true;
    if (type === "integer" || type === "number") return numberOf(schema, type === "integer");
    if (type === "boolean") return false;
    return type === "string" ? stringOf(schema) : undefined;
  }

  #object(schema: Node, depth: number): Json | undefined {
    const properties = resolve(this.#document, schema["properties"] ?? {}) ?? {};
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    const result: Node = {};
    for (const [name, property] of Object.entries(properties)) {
      const before = this.invented;
      this.invented = false;
      const value = this.of(property, depth + 1);
      // What may be left out is left out, unless the API itself says a value.
      const needed = required.includes(name) || required.length === 0 || !this.invented;
      this.invented = before || (needed && this.invented);
      if (value === undefined && required.includes(name)) return undefined;
      if (value !== undefined && needed) result[name] = value;
    }
    return result;
  }

  #array(schema: Node, depth: number): Json | undefined {
    const { minItems = 1, maxItems } = schema;
    const least = Math.max(1, Number(minItems) || 0);
    const count = Math.min(least, typeof maxItems === "number" ? maxItems : least);
    if (count > LONGEST_LIST) return undefined;
    const fixed = schema["prefixItems"];
    const schemas: (Json | undefined)[] = Array.isArray(fixed)
      ? fixed
      : Array.from({ length: count }, () => schema["items"]);
    const items = schemas.map((each) => this.of(each, depth + 1));
    return items.every((each) => each !== undefined) ? items : undefined;
  }
}

/** A value that the API itself says. */
function saidBy(schema: Node): Json | undefined {
  const { const: only, example, examples, default: usual, enum: several } = schema;
  const [first] = Array.isArray(examples) ? examples : [];
  const [choice] = Array.isArray(several) ? several : [];
  return only ?? example ?? first ?? usual ?? choice;
}

function numberOf(schema: Node, whole: boolean): number {
  const bound = (key: string): number | undefined => {
    const value = schema[key];
    return typeof value === "number" ? value : undefined;
  };
  const step = whole ? 1 : 0.5;
  const above = bound("exclusiveMinimum");
  const below = bound("exclusiveMaximum");
  const low = bound("minimum") ?? (above === undefined ? undefined : above + step);
  const high = bound("maximum") ?? (below === undefined ? undefined : below - step);
  const inside = Math.min(Math.max(1, low ?? 1), high ?? Number.POSITIVE_INFINITY);
  const multiple = bound("multipleOf");
  const value = multiple === undefined || multiple <= 0 ? inside : Math.ceil(inside / multiple) * multiple;
  return whole ? Math.ceil(value) : value;
}

function stringOf(schema: Node): string {
  const { format, minLength = 0, maxLength } = schema;
  const text = (typeof format === "string" ? FORMATS[format] : undefined) ?? "text";
  const long = text.padEnd(Math.min(Number(minLength) || 0, 10_000), "x");
  return typeof maxLength === "number" ? long.slice(0, maxLength) : long;
}
