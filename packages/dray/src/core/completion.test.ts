import { expect, test } from "vitest";
import { compareCompletion, completionIn, type ExpectedCompletion } from "./completion.ts";
import { compareGolden, withAnswer } from "./golden.ts";

const chat = (content: string, finish_reason: string): string =>
  JSON.stringify({
    id: "x1",
    created: 7,
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason }],
  });
const event = (choice: object): string => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;
const STREAM = [
  event({ delta: { role: "assistant", content: null }, finish_reason: null }),
  event({ delta: { content: "Hel" } }),
  event({ delta: { content: "lo" } }),
  event({ delta: {}, finish_reason: "stop" }),
  `data: ${JSON.stringify({ choices: [], usage: { total_tokens: 3 } })}\n\n`,
  "data: [DONE]\n\n",
].join("");

test.each<[string, string, object | undefined]>([
  ["of a chat", chat("Hello", "stop"), { text: "Hello", finish: "stop" }],
  ["of text", '{"choices":[{"text":"Hello","finish_reason":"length"}]}', { text: "Hello", finish: "length" }],
  ["of a stream", STREAM, { text: "Hello", finish: "stop" }],
  [
    "of a call of a tool",
    '{"choices":[{"message":{"content":null},"finish_reason":"tool_calls"}]}',
    { text: "", finish: "tool_calls" },
  ],
  ["that is none: a decision", '{"approved":true}', undefined],
  ["that is none: another list of choices", '{"choices":["a","b"]}', undefined],
  ["that is none: a stream of other things", "data: 1\n\n", undefined],
  ["that is none: a page", "<html>", undefined],
])("a completion %s is read", (_name, body, found) => {
  expect(completionIn(body)).toEqual(found);
});

test.each<[ExpectedCompletion, string | undefined]>([
  [{ finish: "stop", length: { min: 3, max: 9 }, matches: "^H.*o$" }, undefined],
  [{ finish: "length" }, "the completion ended by stop instead of length"],
  [{ length: { min: 6 } }, 'the completion has 5 characters instead of at least 6: "Hello"'],
  [{ length: { max: 4 } }, 'the completion has 5 characters instead of at most 4: "Hello"'],
  [{ matches: "Paris" }, 'the completion does not match Paris: "Hello"'],
])("a completion is compared by %o", (wanted, wrong) => {
  expect(compareCompletion(wanted, chat("Hello", "stop"))[0]).toBe(wrong);
});

test("a recorded completion is expected by its end and its length, never by its words or its id", () => {
  const answer = (content: string, finish: string): Parameters<typeof withAnswer>[1] => ({
    status: 200,
    body: chat(content, finish),
    ms: 1,
  });
  const expect_ = withAnswer({ status: 200, tolerance: 0 }, answer("Hello there", "stop"));
  expect(expect_).toEqual({ status: 200, tolerance: 0, completion: { finish: "stop", length: { min: 5, max: 23 } } });
  const golden = { request: { method: "POST", path: "/v1/chat/completions" }, expect: expect_ };
  expect(compareGolden(golden, answer("Good morning", "stop"))).toEqual([]);
  expect(compareGolden(golden, answer("�", "length"))).toHaveLength(2);
});

test("a regular expression that a person wrote outlives a new record that it fits", () => {
  const before = { status: 200, tolerance: 0, completion: { matches: "Hello" } };
  const recorded = (content: string): unknown =>
    withAnswer(before, { status: 200, body: chat(content, "stop"), ms: 1 }).completion?.matches;
  expect(recorded("Hello you")).toBe("Hello");
  expect(recorded("Bye")).toBeUndefined();
});
