import { expect, test } from "vitest";
import { refuseGuessable } from "./guessable.ts";

test.each([
  "a".repeat(16),
  "short",
  "abababababababababababab",
  "passwordpassword",
  "abcdefghijklmnopqrstuvwxyz",
  "12345678901234567890",
  "0000000000000001",
])("%s is no key", (key) => {
  expect(() => refuseGuessable("partners", key)).toThrow(expect.objectContaining({ code: "manifest.invalid" }));
});

test.each([
  "a-partner-key-of-a-good-length",
  "dray_hQ4tBxv1i6J1W3pQXo0m2vY8kZsT7aLc",
  "3f2a9c51d07be684",
  "correct horse battery staple",
])("%s is one", (key) => {
  expect(() => refuseGuessable("partners", key)).not.toThrow();
});
