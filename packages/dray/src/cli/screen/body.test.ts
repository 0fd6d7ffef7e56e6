import { expect, test } from "vitest";
import { bodyText } from "./body.ts";

const PAGE = "<!doctype html>\n<html><head><TITLE>\n llama.cpp -\n chat</title></head><body><p>1</p></body></html>";

const told = (body: string, type: string, whole = false): string =>
  bodyText({ body, bytes: body.length, sha256: "ab", headers: type === "" ? {} : { "content-type": type } }, whole);

test.each<[string, string, string, string]>([
  [
    "a page",
    PAGE,
    "text/html; charset=utf-8",
    `text/html; charset=utf-8 "llama.cpp - chat", ${PAGE.length} bytes; --body prints it`,
  ],
  ["a page without a title", "<p>", "text/html", "text/html, 3 bytes; --body prints it"],
  ["JSON", '{"a":1}', "application/json", '{"a":1}'],
  ["text", "hello", "", "hello"],
  ["a picture", "\u0000PNG", "image/png", "4 bytes of image/png, SHA-256 ab"],
])("%s on a terminal", (_name, body, type, text) => {
  expect(told(body, type)).toBe(text);
});

test("--body prints what came", () => {
  expect(told(PAGE, "text/html", true)).toBe(PAGE);
});
