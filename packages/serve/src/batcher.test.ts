import { expect, test } from "vitest";
import type { Asked } from "./asked.ts";
import { Batcher, type BatchLimits, type Share } from "./batcher.ts";
import type { Feeds } from "./model/model.ts";
import { Refusal } from "./refusal.ts";
import type { Row } from "./schema/row.ts";

const LIMITS: BatchLimits = { batch: 4, queue: 6, timeoutMs: 60_000 };

/** A model whose runs last until they are let go. */
function slowModel(): { runs: (readonly Row[])[]; ask: (asked: Asked) => Promise<Feeds>; finish: () => void } {
  const runs: (readonly Row[])[] = [];
  let release: () => void = () => undefined;
  const ask = async (asked: Asked): Promise<Feeds> => {
    const rows = asked as readonly Row[];
    runs.push(rows);
    await new Promise<void>((resolve) => (release = resolve));
    if (rows.some((row) => row["bad"] === true)) throw new Refusal(422, "bad row");
    return {};
  };
  return { runs, ask, finish: () => release() };
}

function make(
  ask: (asked: Asked) => Promise<Feeds>,
  limits: Partial<BatchLimits> = {},
): { batcher: Batcher; submit: (row: Row, gone?: () => boolean) => Promise<Share> } {
  const batcher = new Batcher(ask, { ...LIMITS, ...limits }, { ran: () => undefined, waited: () => undefined });
  const submit = async (row: Row, gone?: () => boolean): Promise<Share> =>
    await new Promise((resolve, reject) => {
      batcher.submit([row], gone, (error, share) =>
        share === undefined ? reject(error ?? new Error("nothing")) : resolve(share),
      );
    });
  return { batcher, submit };
}

const turn = async (): Promise<void> => await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

test("the first request runs at once; what comes meanwhile runs together, as much as fits", async () => {
  const model = slowModel();
  const { batcher, submit } = make(model.ask);
  const all = [submit({ id: 0 })];
  await turn();
  for (let id = 1; id <= 5; id++) all.push(submit({ id }));
  await turn();
  expect(model.runs.map((run) => run.length)).toEqual([1]);
  expect([batcher.running, batcher.waiting]).toEqual([1, 5]);
  for (let run = 0; run < 3; run++) {
    model.finish();
    await turn();
  }
  expect(model.runs.map((run) => run.length)).toEqual([1, 4, 1]);
  expect((await Promise.all(all)).map((share) => share.from)).toEqual([0, 0, 1, 2, 3, 0]);
  batcher.close();
});

test("a full queue refuses with 429, and takes again when there is room", async () => {
  const model = slowModel();
  const { batcher, submit } = make(model.ask);
  const waiting = [submit({})];
  await turn();
  for (let count = 0; count < LIMITS.queue; count++) waiting.push(submit({}));
  await expect(submit({})).rejects.toMatchObject({ status: 429 });
  model.finish();
  await turn();
  waiting.push(submit({}));
  for (let run = 0; run < 4; run++) {
    model.finish();
    await turn();
  }
  expect(await Promise.all(waiting)).toHaveLength(8);
  batcher.close();
});

test("who waits too long gets 504, and the work is never done", async () => {
  const model = slowModel();
  const { batcher, submit } = make(model.ask, { timeoutMs: 100 });
  const first = submit({ id: 1 });
  await turn();
  await expect(submit({ id: 2 })).rejects.toMatchObject({ status: 504 });
  model.finish();
  await first;
  await turn();
  expect(model.runs).toEqual([[{ id: 1 }]]);
  expect(batcher.waiting).toBe(0);
  batcher.close();
});

test("the work of a client that went away is dropped when it was not begun", async () => {
  const model = slowModel();
  const { batcher, submit } = make(model.ask);
  const first = submit({ id: 1 });
  await turn();
  const left = submit({ id: 2 }, () => true);
  const stayed = submit({ id: 3 });
  model.finish();
  await expect(left).rejects.toMatchObject({ status: 499 });
  await turn();
  model.finish();
  await Promise.all([first, stayed]);
  expect(model.runs).toEqual([[{ id: 1 }], [{ id: 3 }]]);
  batcher.close();
});

test("one row that the model cannot take fails alone", async () => {
  const ask = async (asked: Asked): Promise<Feeds> => {
    await Promise.resolve();
    if ((asked as readonly Row[]).some((row) => row["bad"] === true)) throw new Refusal(422, "bad row");
    return {};
  };
  const { batcher, submit } = make(ask);
  const outcomes = await Promise.allSettled([submit({}), submit({ bad: true }), submit({})]);
  expect(outcomes.map((outcome) => outcome.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  batcher.close();
});
