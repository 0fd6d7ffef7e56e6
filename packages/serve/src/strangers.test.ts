import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { bodyOf, strangers, type Stranger, wrongTensors, wrongWith } from "../../../test/fixtures/strangers.ts";
import { makeMeters } from "./http/metrics.ts";
import { readAsking } from "./http/v2/request.ts";
import { jsonCell, kindOf } from "./model/tensors.ts";
import { Refusal } from "./refusal.ts";
import type { Decision } from "./schema/decisions.ts";
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

/** Somebody who asks: so many turns of the event loop later than the first, for some rows, and may hang up. */
interface Caller {
  turns: number;
  list: number[];
  /** By the Open Inference Protocol, the first of the rows alone. */
  tensors: boolean;
  leaves: boolean;
}

const SEED = 27;
const nextTurn = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

const caller = (rows: number): fc.Arbitrary<Caller> =>
  fc.record({
    turns: fc.nat(4),
    list: fc.array(fc.nat(rows - 1), { minLength: 1, maxLength: 3 }),
    tensors: fc.boolean(),
    leaves: fc.boolean(),
  });

interface Asked {
  rows: Record<string, unknown>[];
  list: number[];
  leaves: boolean;
}

async function wrongByRow(service: Service, stranger: Stranger, asked: Asked): Promise<string | undefined> {
  const { rows, list, leaves } = asked;
  const picked = list.map((index) => rows[index] ?? {});
  const decisions = await new Promise<Decision[]>((resolve, reject) => {
    service.decideThen(
      picked,
      () => leaves,
      (error, made) => (error === undefined ? resolve(made) : reject(error)),
    );
  }).catch((error: unknown) => leftOrThrow(error, leaves));
  return decisions
    ?.map((each, at) => wrongWith(each, stranger.answers[list[at] ?? 0] ?? {}, stranger))
    .find((each) => each !== undefined);
}

async function wrongByTensor(
  service: Service,
  { rows, answers }: Stranger,
  index: number,
  leaves: boolean,
): Promise<string | undefined> {
  const types = new Map(service.model.inputs.map(({ name, dtype }) => [name, kindOf(dtype).oip]));
  const inputs = Object.entries(rows[index] ?? {}).map(([name, { shape, data }]) => {
    const cells = Array.isArray(data) ? data.flat<unknown[], 20>(20) : [data];
    return { name, shape, datatype: types.get(name), data: cells };
  });
  const { feeds } = readAsking(Buffer.from(JSON.stringify({ inputs })), undefined, service);
  const made = await service.infer(feeds, () => leaves).catch((error: unknown) => leftOrThrow(error, leaves));
  if (made === undefined) return undefined;
  const cells = Object.entries(made).map(
    ([name, tensor]) => [name, Array.from({ length: tensor.size }, (_, at) => jsonCell(tensor, at))] as const,
  );
  return wrongTensors(new Map(cells), answers[index] ?? {});
}

/** Who hung up gets no answer, and is asked for no more. */
function leftOrThrow(error: unknown, leaves: boolean): undefined {
  if (leaves && error instanceof Refusal && error.status === 499) return undefined;
  throw error;
}

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

    test("whoever else asks, how and when: the answer to a row is a function of that row alone", async () => {
      const service = await serviceOf(stranger);
      const rows = rowsOf(service, stranger);
      const ask = async ({ turns, list, tensors, leaves }: Caller): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await nextTurn();
        const wrong = tensors
          ? await wrongByTensor(service, stranger, list[0] ?? 0, leaves)
          : await wrongByRow(service, stranger, { rows, list, leaves });
        expect(wrong).toBeUndefined();
      };
      const crowd = async (callers: Caller[]): Promise<void> => void (await Promise.all(callers.map(ask)));
      const property = fc.asyncProperty(fc.array(caller(rows.length), { maxLength: 16 }), crowd);
      await fc.assert(property, { numRuns: 10, seed: SEED });
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
