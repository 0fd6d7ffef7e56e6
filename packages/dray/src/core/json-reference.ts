import type { Json } from "./json.ts";

/** A JSON object. */
export type Node = { [key: string]: Json };

export const isNode = (value: Json | undefined): value is Node =>
  value !== undefined && value !== null && typeof value === "object" && !Array.isArray(value);

/** More references in a row than this are a circle. */
const MOST = 8;

/** What a `$ref` within the document leads to, or the object itself; undefined where it leads nowhere. */
export function resolve(document: Node, at: Json | undefined): Node | undefined {
  let node = at;
  for (let step = 0; step < MOST; step++) {
    if (!isNode(node)) return undefined;
    const reference = node["$ref"];
    if (typeof reference !== "string") return node;
    if (!reference.startsWith("#/")) return undefined;
    node = follow(document, reference.slice(2));
  }
  return undefined;
}

/** A JSON pointer (RFC 6901), without its first slash. */
function follow(document: Node, pointer: string): Json | undefined {
  const parts = pointer.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return parts.reduce<Json | undefined>(
    (parent, part) => (isNode(parent) && Object.hasOwn(parent, part) ? parent[part] : undefined),
    document,
  );
}
