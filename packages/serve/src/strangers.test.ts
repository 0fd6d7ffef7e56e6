import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { bodyOf, strangers, type Stranger, wrongWith } from "../../../test/fixtures/strangers.ts";
import { makeMeters } from "./http/metrics.ts";
import { Refusal } from "./refusal.ts";
import { parseSchema } from "./schema/schema-file.ts";
import { makeService, type Service } from "./service.ts";

const LIMITS = { batch: 64, queue: 1024, rows: 100, timeoutMs: 60_000 };
const meters = makeMeters("strangers", "r1");
const all = strangers();
const open = new Map<string, Promise<Service>>();

async function serviceOf(stranger: Stranger): Promise<Service> {
  const load = { threads: 1, gpu: false };
  const source = { file: readFileSync(stranger.model), folder: stranger.folder };
  const making =
    open.get(stranger.name) ?? makeService({ source, schema: parseSchema(""), load, limits: LIMITS }, meters);
  open.set(stranger.name, making);
  return await making;
}

afterAll(async () => {
  for (const service of await Promise.allSettled(open.values())) {
    if (service.status === "fulfilled") service.value.batcher.close();
  }
});

/** The rows as they come over HTTP: checked, with holes filled. */
const rowsOf = (service: Service, stranger: Stranger): Record<string, unknown>[] =>
  stranger.rows.map((feeds) => service.validator.rows(bodyOf(service.features, feeds))[0] ?? {});

test("there are enough of them", () => {
  expect(all.length).toBeGreaterThanOrEqual(90);
});

describe.each(all.filter((each) => each.servable).map((each) => [each.name, each] as const))(
  "%s",
  (_name, stranger) => {
    test("each row alone is what onnxruntime says", async () => {
      const service = await serviceOf(stranger);
      for (const [index, row] of rowsOf(service, stranger).entries()) {
        const [decision = {}] = await service.ask([row]);
        expect(wrongWith(decision, stranger.answers[index] ?? {}, stranger)).toBeUndefined();
      }
    });

    test("in any company, in any order, the answer to a row is the same", async () => {
      const service = await serviceOf(stranger);
      const rows = rowsOf(service, stranger);
      const callers = fc.array(fc.array(fc.nat(rows.length - 1), { minLength: 1, maxLength: 3 }), { maxLength: 12 });
      const ask = async (list: number[]): Promise<void> => {
        const decisions = await service.ask(list.map((index) => rows[index] ?? {}));
        for (const [at, index] of list.entries()) {
          expect(wrongWith(decisions[at] ?? {}, stranger.answers[index] ?? {}, stranger)).toBeUndefined();
        }
      };
      const together = async (lists: number[][]): Promise<void> => void (await Promise.all(lists.map(ask)));
      await fc.assert(fc.asyncProperty(callers, together), { numRuns: 10 });
    });

    test.runIf(stranger.mixes)("rows that mix are not asked together", async () => {
      expect((await serviceOf(stranger)).batching.together).toBe(false);
    });
  },
);

describe.each(all.filter((each) => !each.servable).map((each) => [each.name, each] as const))(
  "%s",
  (_name, stranger) => {
    test("it is refused in one sentence that says what to do", async () => {
      const said = await serviceOf(stranger).then(
        () => "it is served",
        (error: unknown) => (error instanceof Refusal ? error.message : `no refusal: ${String(error)}`),
      );
      expect(said).toMatchSnapshot();
      expect(said.split("\n")).toHaveLength(1);
      // No colours, and no places in onnxruntime's source.
      expect(said).not.toMatch(/\[[\d;]*m|\.cc:|onnxruntime_src/);
    });
  },
);
