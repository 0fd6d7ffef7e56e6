import { expect, test } from "vitest";
import { compileFill, compileGlance } from "./compiled.ts";
import { type Decision, decisionWriter } from "./decisions.ts";
import type { Feature } from "./features.ts";
import type { Row } from "./row.ts";
import { Validator } from "./validate.ts";

// Names come from strangers' files, and code is made from them: words of JSON Schema, of JavaScript, and of neither.
const NAMES = [
  "$ref",
  "$id",
  "$schema",
  "$defs",
  "$anchor",
  "$dynamicRef",
  "$recursiveRef",
  "definitions",
  "properties",
  "allOf",
  "if",
  "then",
  "enum",
  "type",
  "default",
  "format",
  "nullable",
  "id",
  "$async",
  "constructor",
  "toString",
  "hasOwnProperty",
  "length",
  "0",
  "",
  " ",
  "\n",
  "\u2028",
  'a"b',
  "a'b",
  "a\\b",
  "a`b${1}",
  "*/",
  "//",
  "a/b~c%25",
];

const port = { name: "p", dtype: "float32", shape: [-1, -1] } as const;
const feature = (name: string, column: number): Feature => ({
  name,
  column,
  input: "x",
  type: "number",
  cell: "number",
  missing: false,
  shape: [],
  text: { name },
});

test.each(NAMES)("a class or an output called %j is written as JSON.stringify writes it", (name) => {
  const others = [{ ...port, name }];
  const write = decisionWriter({ label: port, probabilities: port, others, classes: [name, "z"], codes: new Map() });
  const probabilities = Object.fromEntries([
    [name, 0.5],
    ["z", 0.25],
  ]);
  const decision: Decision = { label: name, probabilities, score: 0.5, outputs: Object.fromEntries([[name, [1]]]) };
  expect(JSON.parse(write(decision))).toEqual(JSON.parse(JSON.stringify(decision)));
});

test.each(NAMES)("a feature called %j is read, and missed when it is missing", (name) => {
  const features = [feature(name, 0), feature("z", 1)];
  const validator = new Validator(features, 10);
  const row: Row = Object.fromEntries([
    [name, 1],
    ["z", 2],
  ]);
  const cells = new Float32Array(2);
  compileFill(features, "number")(validator.rows(row), cells);
  expect([...cells]).toEqual([1, 2]);
  expect(compileGlance(features)(row)).toBe(true);
  for (const wrong of [{ z: 2 }, { ...row, [name]: "x" }, { ...row, other: 1 }])
    expect(() => validator.rows(wrong)).toThrow("expected");
});

test.each(["__proto__", "\ud800"])("a feature called %j is refused when the model is loaded", (name) => {
  expect(() => new Validator([feature(name, 0)], 10)).toThrow("schema.yaml");
});
