import { expect, test } from "vitest";
import { parseSchema } from "./schema-file.ts";

test.each([
  ["features: 5\n", "schema.yaml:1: features: expected a list"],
  ["features:\n  - title: a\n", "schema.yaml:2: features.0.name: this key is missing; it takes text"],
  ["features:\n  - {name: a, type: moon}\n", "schema.yaml:2: features.0.type: expected one of number, integer"],
  ["threshold: 2\n", "schema.yaml:1: threshold: expected at most 1"],
  ["nam: x\n", 'schema.yaml:1: unknown key "nam"'],
  ["title: a\n---\ntitle: b\n", "schema.yaml:2: the file has two documents; nothing may follow"],
  ["title: a\ntitle: b\n", "schema.yaml:2: this key stands here twice"],
  ["title: [\n", "schema.yaml:2: the indentation does not fit here, or a bracket"],
  ["title: *a\n", "schema.yaml:1: its aliases cannot be followed"],
])("%j is refused in our own words", (source, said) => {
  expect(() => parseSchema(source)).toThrow(said);
});
