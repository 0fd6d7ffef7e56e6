import { expect, test } from "vitest";
import { compareGolden, type Answer, type Expected, withAnswer } from "./golden.ts";
import { type CarriedRequest, payloadOf } from "./payload.ts";

const PNG = "image/png";
const digest = (letter: string): string => letter.repeat(64);
const answer = (more: Partial<Answer>): Answer => ({ status: 200, body: "", ms: 1, ...more });
const expected = (more: Partial<Expected>): Expected => ({ status: 200, tolerance: 1e-6, ...more });

test.each<[string, Partial<Expected>, Partial<Answer>, string | undefined]>([
  ["JSON", { body: { a: 1 } }, { body: '{"a": 1.0000001, "b": 2}' }, undefined],
  ["other JSON", { body: { a: 1 } }, { body: '{"a": 2}' }, "body.a is 2 instead of 1"],
  ["text", { text: "a,b\n" }, { body: "a,b" }, undefined],
  ["another text", { text: "a,b" }, { body: "a,c" }, 'the body is "a,c" instead of "a,b"'],
  ["a type", { type: PNG }, { type: "image/PNG; q=1" }, undefined],
  ["another type", { type: PNG }, { type: "text/html" }, "the answer is text/html instead of image/png"],
  ["no type", { type: PNG }, {}, "the answer is of no content type instead of image/png"],
  ["a digest", { sha256: digest("a") }, { sha256: digest("a") }, undefined],
  [
    "another digest",
    { sha256: digest("a") },
    { sha256: digest("b") },
    `the body has the SHA-256 ${digest("b")} instead of ${digest("a")}`,
  ],
])("an answer is compared by %s", (_name, wanted, got, wrong) => {
  const golden = { request: { method: "POST", path: "/" }, expect: expected(wanted) };
  expect(compareGolden(golden, answer(got))[0]).toBe(wrong);
});

test.each<[Partial<Answer>, Partial<Expected>]>([
  [{ body: '{"a":1}', type: "application/json" }, { body: { a: 1 } }],
  [
    { body: "a,b\n", type: "text/csv; charset=utf-8" },
    { type: "text/csv", text: "a,b\n" },
  ],
  [
    { body: "\u0089PNG", type: PNG, sha256: digest("c") },
    { type: PNG, sha256: digest("c") },
  ],
  [{ body: "<html>", type: "text/html", sha256: digest("d") }, { type: "text/html" }],
  [
    { body: "x".repeat(20_000), type: "text/csv", sha256: digest("e") },
    { type: "text/csv", sha256: digest("e") },
  ],
  [{ body: "no type" }, {}],
])("a recorded answer becomes what is expected: %o", (got, wanted) => {
  const before = expected({ text: "of before", withinMs: 5 });
  expect(withAnswer(before, answer(got))).toEqual({ ...expected(wanted), withinMs: 5 });
});

test.each<[CarriedRequest, string | undefined, string]>([
  [{ body: { a: 1 } }, "application/json", '{"a":1}'],
  [{ body: null }, "application/json", "null"],
  [{ text: "1,2" }, "text/plain; charset=utf-8", "1,2"],
  [{ file: "cat.jpg", payload: { type: "image/jpeg", bytes: new Uint8Array([74]) } }, "image/jpeg", "J"],
  [{}, undefined, ""],
])("what a request carries: %o", (carried, type, sent) => {
  const payload = payloadOf(carried);
  expect(payload?.type).toBe(type);
  expect(Buffer.from(payload?.bytes ?? []).toString()).toBe(sent);
});
