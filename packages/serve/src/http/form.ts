/** Decisions, each as JSON, as the JSON of one answer. */
export type Form = (decisions: readonly string[]) => string;

export const asList: Form = (decisions) => `[${decisions.join(",")}]`;
export const asOne: Form = (decisions) => decisions[0] ?? "{}";

export const JSON_TYPE = "application/json; charset=utf-8";

/** Smaller answers fit into one packet as they are. */
const PACKED_FROM = 1400;

/** Is an answer of so many characters not worth packing? */
export function isSmall(length: number): boolean {
  return length < PACKED_FROM;
}
