// The bench's own control: rows that mix are asked together on purpose, and that must show.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { makeMeters } from "../../packages/serve/src/http/metrics.ts";
import { parseSchema } from "../../packages/serve/src/schema/schema-file.ts";
import { makeService } from "../../packages/serve/src/service.ts";
import { bodyOf, strangers, wrongWith } from "../../test/fixtures/strangers.ts";

const MIXES = "made-normalised-over-batch";

/** Does a caller get another answer in company than alone when the proof is passed over? */
export async function mixedWhenForced(): Promise<boolean> {
  const stranger = strangers().find((each) => each.name === MIXES);
  if (stranger === undefined) throw new Error(`there is no ${MIXES}`);
  const source = { file: await readFile(stranger.model), folder: path.dirname(stranger.model) };
  const limits = { batch: 64, queue: 1024, rows: 100, timeoutMs: 60_000 };
  const options = { source, schema: parseSchema(""), load: { threads: 1, gpu: false }, limits, unproven: true };
  const service = await makeService(options, makeMeters("control", "r1"));
  const rows = stranger.rows.map((feeds) => bodyOf(service.features, feeds));
  const asked = rows.map(async (row, index) => {
    const [decision = {}] = await service.ask([row]);
    return wrongWith(decision, stranger.answers[index] ?? {}, stranger);
  });
  const found = await Promise.all(asked);
  service.batcher.close();
  return found.some((each) => each !== undefined);
}
