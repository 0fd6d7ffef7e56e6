import type { Model, Port } from "../model/model.ts";
import { Refusal } from "../refusal.ts";

/** The input of a model that has one: bytes without a name can only be that. @throws Refusal */
export function onlyInput(model: Model): Port {
  const [port, ...more] = model.inputs;
  if (port !== undefined && more.length === 0) return port;
  const names = model.inputs.map(({ name }) => name).join(", ");
  throw new Refusal(
    415,
    `the model has ${model.inputs.length} inputs (${names}), and these bytes have no name; send JSON or use /v2`,
  );
}

/** The shape of so many cells for an input: what is open in it follows from their number. @throws Refusal */
export function shapeOfCells({ name, shape }: Port, count: number): number[] {
  const open = shape.filter((each) => each < 0).length;
  const known = shape.reduce((product, each) => (each < 0 ? product : product * each), 1);
  const wanted = `[${shape.map((each) => (each < 0 ? "any" : each)).join(", ")}]`;
  if (open > 1)
    throw new Refusal(415, `${name} has the shape ${wanted}: send what numpy.save writes, which says the shape`);
  const fits = open === 0 ? count === known : known > 0 && count % known === 0;
  if (!fits) throw new Refusal(400, `${name}: ${count} values do not make the shape ${wanted}`);
  return shape.map((each) => (each < 0 ? count / known : each));
}

/** Does a tensor of this shape fit the input? */
export function fitsPort(dims: readonly number[], port: Port): boolean {
  return (
    dims.length === port.shape.length &&
    dims.every((each, index) => port.shape[index] === -1 || port.shape[index] === each)
  );
}
