import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import protobuf from "protobufjs";

const require = createRequire(import.meta.url);

interface Http {
  body?: string;
  additional_bindings?: Http | Http[];
  [verb: string]: unknown;
}

interface Route {
  method: protobuf.Method;
  verb: string;
  pattern: RegExp;
  parameters: string[];
  body: string | undefined;
  request: protobuf.Type;
}

/** One of Google's services, as the types in its own npm package have it: which requests there are, and what is in them. */
export class Spec {
  readonly #routes: Route[] = [];

  constructor(packageName: string, services: readonly string[]) {
    const folder = path.dirname(require.resolve(`@google-cloud/${packageName}/package.json`));
    const root = protobuf.Root.fromJSON(
      JSON.parse(readFileSync(path.join(folder, "build/protos/protos.json"), "utf8")) as protobuf.INamespace,
    );
    for (const name of services) {
      const service = root.lookupService(name);
      service.resolveAll();
      for (const method of service.methodsArray) {
        method.resolve();
        this.#add(method);
      }
    }
  }

  #add(method: protobuf.Method): void {
    const options = (method.parsedOptions ?? []) as Record<string, Http>[];
    const http = options.find((option) => "(google.api.http)" in option)?.["(google.api.http)"];
    const request = method.resolvedRequestType;
    if (http === undefined || request === null) return;
    for (const binding of [http, ...[http.additional_bindings ?? []].flat()]) {
      const [verb, template] = Object.entries(binding).find(([key]) => /^(get|post|put|patch|delete)$/.test(key)) ?? [];
      if (verb === undefined) continue;
      this.#routes.push({
        method,
        verb: verb.toUpperCase(),
        body: binding.body,
        request,
        ...compile(String(template)),
      });
    }
  }

  /** The method that a request is for, and what is wrong with it by Google's own types; undefined: there is no such request. */
  check(verb: string, url: URL, body: unknown): { method: string; wrong: string[] } | undefined {
    for (const route of this.#routes) {
      if (route.verb !== verb) continue;
      const match = route.pattern.exec(url.pathname);
      if (match === null) continue;
      return { method: route.method.name, wrong: problems(route, match, url, body) };
    }
    return undefined;
  }
}

function compile(template: string): { pattern: RegExp; parameters: string[] } {
  const parameters: string[] = [];
  const source = template
    .replaceAll(/[.]/g, "\\.")
    .replaceAll(/\{([\w.\\]+)(?:=([^}]+))?\}/g, (_all, name: string, shape: string = "*") => {
      parameters.push(name.replaceAll("\\", ""));
      return `(${shape.replaceAll("**", "\u0000").replaceAll("*", "[^/:]+").replaceAll("\u0000", ".+")})`;
    });
  return { pattern: new RegExp(`^${source}$`), parameters };
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());

function problems(route: Route, match: RegExpExecArray, url: URL, body: unknown): string[] {
  const { request } = route;
  const wrong: string[] = [];
  const given = new Set(route.parameters.map((name) => camel(name.split(".")[0] ?? "")));
  if (match.length !== route.parameters.length + 1) wrong.push("the path does not fit");
  for (const [key, value] of url.searchParams) {
    const [first = ""] = key.split(".");
    if (["alt", "$alt", "prettyPrint", "key"].includes(key)) continue;
    const field = request.fields[first];
    if (field === undefined) wrong.push(`query: ${key} is unknown`);
    else if (field.resolvedType?.fullName !== ".google.protobuf.FieldMask")
      wrong.push(...scalarProblems(field, fromQuery(field, value), `query ${key}`));
    given.add(first);
  }
  if (route.body === undefined) {
    if (body !== undefined) wrong.push("a body where there is none");
  } else if (request.fieldsArray.some((field) => field.resolvedType?.fullName === ".google.api.HttpBody")) {
    // Whatever the model takes.
  } else if (route.body === "*") {
    // What the path has need not be in the body again.
    wrong.push(...messageProblems(request, body ?? {}, "", given));
    for (const key of Object.keys(isObject(body) ? body : {})) given.add(key);
  } else {
    const field = request.fields[camel(route.body)];
    const type = field?.resolvedType;
    // A change names what it changes in its mask; the rest may be left out.
    const masked = new Set(route.verb === "PATCH" ? Object.keys(type instanceof protobuf.Type ? type.fields : {}) : []);
    if (type instanceof protobuf.Type) wrong.push(...messageProblems(type, body, camel(route.body), masked));
    given.add(camel(route.body));
  }
  for (const field of request.fieldsArray) {
    if (isRequired(field) && !given.has(field.name) && route.body !== "*") wrong.push(`${field.name} is missing`);
  }
  return wrong;
}

function isRequired(field: protobuf.Field): boolean {
  const behaviors = ((field.parsedOptions ?? []) as Record<string, string>[]).map(
    (o) => o["(google.api.field_behavior)"],
  );
  return behaviors.includes("REQUIRED") || field.options?.["(google.api.field_behavior)"] === "REQUIRED";
}

function isOutput(field: protobuf.Field): boolean {
  const behaviors = ((field.parsedOptions ?? []) as Record<string, string>[]).map(
    (o) => o["(google.api.field_behavior)"],
  );
  return behaviors.includes("OUTPUT_ONLY") || field.options?.["(google.api.field_behavior)"] === "OUTPUT_ONLY";
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function messageProblems(type: protobuf.Type, value: unknown, at: string, given: ReadonlySet<string>): string[] {
  if (WELL_KNOWN[type.fullName] !== undefined) return WELL_KNOWN[type.fullName]?.(value, at) ?? [];
  if (!isObject(value)) return [`${at || "the body"} is no object`];
  const wrong: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    const field = type.fields[key];
    const where = at === "" ? key : `${at}.${key}`;
    if (field === undefined) wrong.push(`${where} is unknown to ${type.name}`);
    else if (isOutput(field)) wrong.push(`${where} is for answers only`);
    else wrong.push(...fieldProblems(field, item, where));
  }
  for (const field of type.fieldsArray) {
    if (isRequired(field) && !(field.name in value) && !given.has(field.name))
      wrong.push(`${at === "" ? "" : `${at}.`}${field.name} is missing`);
  }
  for (const oneof of type.oneofsArray) {
    const set = oneof.fieldsArray.filter((field) => field.name in value);
    if (set.length > 1) wrong.push(`${set.map((field) => field.name).join(" and ")} exclude each other`);
  }
  return wrong;
}

function fieldProblems(field: protobuf.Field, value: unknown, at: string): string[] {
  if (field instanceof protobuf.MapField) {
    if (!isObject(value)) return [`${at} is no map`];
    return Object.entries(value).flatMap(([key, item]) => valueProblems(field, item, `${at}.${key}`));
  }
  if (!field.repeated) return valueProblems(field, value, at);
  if (!Array.isArray(value)) return [`${at} is no list`];
  return value.flatMap((item, index) => valueProblems(field, item, `${at}[${index}]`));
}

function valueProblems(field: protobuf.Field, value: unknown, at: string): string[] {
  const type = field.resolvedType;
  return type instanceof protobuf.Type ? messageProblems(type, value, at, new Set()) : scalarProblems(field, value, at);
}

/** Compute's enumerations are strings, with an enumeration of the same name inside the message. */
function enumOf(field: protobuf.Field): protobuf.Enum | undefined {
  if (field.resolvedType instanceof protobuf.Enum) return field.resolvedType;
  const name = field.name.charAt(0).toUpperCase() + field.name.slice(1);
  const inside = field.type === "string" ? field.parent?.get(name) : undefined;
  return inside instanceof protobuf.Enum ? inside : undefined;
}

function scalarProblems(field: protobuf.Field, value: unknown, at: string): string[] {
  const values = enumOf(field)?.values;
  if (values !== undefined)
    return typeof value === "string" && value in values ? [] : [`${at}: there is no ${String(value)}`];
  const fits: Record<string, boolean> = {
    string: typeof value === "string",
    bytes: typeof value === "string",
    bool: typeof value === "boolean",
    double: typeof value === "number",
    float: typeof value === "number",
  };
  const ok = fits[field.type] ?? (Number.isInteger(value) || (typeof value === "string" && /^-?\d+$/.test(value)));
  return ok ? [] : [`${at} is no ${field.type}: ${JSON.stringify(value)}`];
}

function fromQuery(field: protobuf.Field, value: string): unknown {
  if (field.type === "bool") return value === "true" || value === "false" ? value === "true" : value;
  // A field mask is one string, with commas.
  return value;
}

/** Messages whose JSON is no object of their fields (protobuf's "ProtoJSON Format"). */
const WELL_KNOWN: Record<string, (value: unknown, at: string) => string[]> = {
  ".google.protobuf.Duration": (value, at) =>
    typeof value === "string" && /^-?\d+(\.\d+)?s$/.test(value)
      ? []
      : [`${at} is no duration: ${JSON.stringify(value)}`],
  ".google.protobuf.Timestamp": (value, at) => (typeof value === "string" ? [] : [`${at} is no time`]),
  ".google.protobuf.FieldMask": (value, at) => (typeof value === "string" ? [] : [`${at} is no field mask`]),
  ".google.protobuf.Value": () => [],
  ".google.protobuf.Struct": (value, at) => (isObject(value) ? [] : [`${at} is no object`]),
  ".google.api.HttpBody": () => [],
};
