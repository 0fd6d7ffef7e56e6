import type { Json } from "./json.ts";
import { isNode, type Node } from "./json-reference.ts";

/** What a language model answered, whatever the route: whole, or as a stream of events. */
export interface Completion {
  text: string;
  /** Why it ended: `stop`, `length`, `tool_calls`, ... */
  finish?: string;
}

/** What a completion must be. Its words differ from one GPU to the next; these do not. */
export interface ExpectedCompletion {
  finish?: string;
  /** In characters. */
  length?: { min?: number; max?: number };
  /** A regular expression that is found in the text. */
  matches?: string;
}

/** The completion in an answer's body: one JSON document, or server-sent events. Undefined: it is something else. */
export function completionIn(body: string): Completion | undefined {
  const events = body.startsWith("data:") ? eventsOf(body) : [body];
  const parts = events.map(partOf);
  if (parts.length === 0 || parts.some((part) => part === undefined)) return undefined;
  const finish = parts.findLast((part) => part?.finish !== undefined)?.finish;
  return { text: parts.map((part) => part?.text).join(""), ...(finish === undefined ? {} : { finish }) };
}

function eventsOf(body: string): string[] {
  const lines = body.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice("data:".length).trim()).filter((data) => data !== "[DONE]");
}

/** One document, or one event of many: the first choice is the answer. */
function partOf(source: string): Completion | undefined {
  let said: Json;
  try {
    said = JSON.parse(source) as Json;
  } catch {
    return undefined;
  }
  const choices = isNode(said) ? said["choices"] : undefined;
  if (!Array.isArray(choices)) return undefined;
  // The last event of a stream may have the usage, and no choice.
  const [choice] = choices;
  if (choice === undefined) return { text: "" };
  if (!isNode(choice) || !["message", "delta", "text"].some((key) => key in choice)) return undefined;
  const finish = choice["finish_reason"];
  return { text: textOf(choice), ...(typeof finish === "string" ? { finish } : {}) };
}

function textOf(choice: Node): string {
  const holder = [choice["message"], choice["delta"]].find(isNode);
  const text = holder === undefined ? choice["text"] : holder["content"];
  return typeof text === "string" ? text : "";
}

/** The expectation that a completion meets: how it ended, and about how long it is. What a person wrote of its words stays. */
export function expectedOf({ text, finish }: Completion, before?: ExpectedCompletion): ExpectedCompletion {
  return {
    ...(finish === undefined ? {} : { finish }),
    length: { min: Math.floor(text.length / 2), max: 2 * text.length + 1 },
    ...(before?.matches !== undefined && new RegExp(before.matches, "u").test(text) ? { matches: before.matches } : {}),
  };
}

/** What is wrong with a completion, a line each. */
export function compareCompletion({ finish, length, matches }: ExpectedCompletion, body: string): string[] {
  const got = completionIn(body);
  if (got === undefined) return [`the body is no completion: ${body.slice(0, 200)}`];
  const { text } = got;
  const wrong: string[] = [];
  if (finish !== undefined && got.finish !== finish)
    wrong.push(`the completion ended by ${got.finish ?? "nothing that it says"} instead of ${finish}`);
  if (text.length < (length?.min ?? 0))
    wrong.push(`the completion has ${text.length} characters instead of at least ${length?.min}: ${quoted(text)}`);
  if (text.length > (length?.max ?? Infinity))
    wrong.push(`the completion has ${text.length} characters instead of at most ${length?.max}: ${quoted(text)}`);
  if (matches !== undefined && !new RegExp(matches, "u").test(text))
    wrong.push(`the completion does not match ${matches}: ${quoted(text)}`);
  return wrong;
}

const quoted = (text: string): string => JSON.stringify(text.slice(0, 60));
