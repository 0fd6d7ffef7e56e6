import { Worker } from "node:worker_threads";

const RUNNING = 0;
const ENDED = 1;

/** What looks on from a thread of its own: this one stands still while the model runs, with every timer in it. */
const LOOK = `
const { workerData } = require("node:worker_threads");
const { cells, limitMs } = workerData;
let ended = -1;
let since = 0;
setInterval(() => {
  const now = performance.now();
  const [running, count] = [Atomics.load(cells, ${RUNNING}), Atomics.load(cells, ${ENDED})];
  if (running === 0 || count !== ended) {
    ended = count;
    since = now;
  } else if (now - since > limitMs) {
    require("node:fs").writeSync(2, JSON.stringify({ level: 60, msg: "one run of the model took longer than " + limitMs / 1000 + " s, and nobody waits for it any more: this process ends, so that another can take its place" }) + "\\n");
    process.kill(process.pid, "SIGALRM");
  }
}, Math.min(250, limitMs / 4));
`;

/**
 * Ends the process when one run of the model lasts longer than anybody waits: a graph may have a loop that never ends,
 * and onnxruntime cannot be told to stop. Whoever started the process starts another.
 */
export class RunWatch {
  readonly #cells = new Int32Array(new SharedArrayBuffer(8));
  #thread: Worker | undefined;

  /** A run is about to begin. */
  begin(): void {
    Atomics.add(this.#cells, RUNNING, 1);
  }

  /** It has ended, however. */
  end(): void {
    Atomics.add(this.#cells, ENDED, 1);
    Atomics.sub(this.#cells, RUNNING, 1);
  }

  /** From now on runs are watched. */
  start(limitMs: number): void {
    const workerData = { cells: this.#cells, limitMs };
    this.#thread = new Worker(LOOK, { eval: true, workerData, resourceLimits: { maxOldGenerationSizeMb: 16 } });
    this.#thread.unref();
  }

  async close(): Promise<void> {
    await this.#thread?.terminate();
  }
}
