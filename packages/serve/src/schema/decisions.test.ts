import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Decision, decisionWriter } from "./decisions.ts";
import type { Meaning } from "./meaning.ts";

const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null));
const port = { name: "probabilities", dtype: "float32", shape: [-1, -1] } as const;

test.each([
  ["labels", ['a"b', "ü"], fc.record({ label: fc.constantFrom('a"b', "ü"), score: number })],
  ["class numbers", [0, 1, 2], fc.record({ label: fc.nat(2), score: number })],
] as const)("written decisions say what JSON.stringify says: %s", (_name, classes, rest) => {
  const others = [{ ...port, name: "more" }];
  const meaning: Meaning = { label: port, probabilities: port, others, classes, codes: new Map() };
  const write = decisionWriter(meaning);
  const probabilities = fc.record(Object.fromEntries(classes.map((each) => [each, number])));
  const outputs = fc.record({ more: fc.oneof(fc.array(number), fc.string(), number) });
  fc.assert(
    fc.property(rest, probabilities, outputs, (part, chances, given) => {
      const decision: Decision = { ...part, probabilities: chances, outputs: given };
      expect(JSON.parse(write(decision))).toEqual(JSON.parse(JSON.stringify(decision)));
    }),
  );
});
