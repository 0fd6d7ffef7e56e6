import { expect, test } from "vitest";
import { HOPS } from "../trace.ts";
import { byHand, HEALTHY } from "./healthy.ts";
import { diagnose, FAULTS } from "./table.ts";

test.each(FAULTS.map((fault) => [fault.id, fault] as const))(
  "%s is named by its own evidence, and by no other row",
  (id, fault) => {
    const found = fault.example(HEALTHY);
    expect(diagnose(found)?.id).toBe(id);
    for (const text of [fault.why(found), fault.fix(found)]) {
      expect(text).not.toMatch(/undefined|\[object|NaN/);
      expect(text.length).toBeGreaterThan(10);
    }
    expect(HOPS).toContain(fault.hop);
  },
);

test("nothing is wrong on a healthy way, made by dray or by hand", () => {
  expect(diagnose(HEALTHY)).toBeUndefined();
  expect(diagnose(byHand(HEALTHY))).toBeUndefined();
});

test("no two faults have one name", () => {
  expect(new Set(FAULTS.map((fault) => fault.id)).size).toBe(FAULTS.length);
  expect(FAULTS.length).toBeGreaterThanOrEqual(42);
});
