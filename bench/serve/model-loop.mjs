// The model alone: one row at a time, as fast as it goes; prints rows a second.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [, , file, row, seconds] = process.argv;
const values = Object.values(JSON.parse(row));
const session = await InferenceSession.create(readFileSync(file), { intraOpNumThreads: 1, interOpNumThreads: 1 });
const until = performance.now() + Number(seconds) * 1000;
let count = 0;
while (performance.now() < until) {
  await session.run({
    numeric: new Tensor("float32", Float32Array.from(values.slice(0, 16)), [1, 16]),
    categorical: new Tensor("string", values.slice(16), [1, 8]),
  });
  count++;
}
process.stdout.write(String(Math.round(count / Number(seconds))));
