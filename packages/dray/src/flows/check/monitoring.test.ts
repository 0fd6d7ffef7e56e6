import { expect, test } from "vitest";
import type { Inside } from "../../contract/inside.ts";
import { askAll } from "./answer.ts";
import { DELIVERY } from "./delivery.ts";
import type { Facts } from "./facts.ts";
import { MONITORING } from "./monitoring.ts";

test("numbers that could not be read are unknown, and say why: they are not taken for no requests", async () => {
  const inside: Partial<Inside> = {
    keeper: {} as Inside["keeper"] & object,
    edge: {} as Inside["edge"] & object,
    metrics: undefined,
    unmeasured: "the keeper of vm does not answer",
    audit: [1, 2].map((each) => ({ at: "", service: "decisions", release: `r${each}`, goldenMs: [] })),
  };
  // Of all facts these two questions ask only the inside.
  const facts = { inside: { ...inside, service: { service: "decisions", current: "r2" } } } as unknown as Facts;
  const both = [...DELIVERY, ...MONITORING].filter(({ number }) => number === 12 || number === 22);
  const items = await askAll(both, facts);
  for (const item of items)
    expect(item).toMatchObject({ verdict: "unknown", evidence: expect.stringContaining("of vm does not answer") });
  expect(items).toHaveLength(2);
});
