// The model alone: one row at a time, as fast as it goes; prints rows a second.
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [, , file, row, seconds] = process.argv;
// Any numbers in the categories' places will do for speed.
const values = Float32Array.from(Object.values(JSON.parse(row)), (value) => (typeof value === "number" ? value : 0));
const session = await InferenceSession.create(readFileSync(file), { intraOpNumThreads: 1, interOpNumThreads: 1 });
const until = performance.now() + Number(seconds) * 1000;
let count = 0;
while (performance.now() < until) {
  await session.run({ features: new Tensor("float32", values, [1, values.length]) });
  count++;
}
process.stdout.write(String(Math.round(count / Number(seconds))));
