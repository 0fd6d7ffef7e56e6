import type { Model } from "../model/model.ts";

/** How rows lie in the model's inputs. */
export interface Layout {
  /** Is the first dimension of every input the rows? Else a request is one whole set of inputs. */
  rows: boolean;
  /** The number of rows that the model takes, where it takes no other. */
  fixed?: number;
}

/** A request is everything that the model takes at once. */
const WHOLE: Layout = { rows: false };

/**
 * The layouts that the shapes of a model's inputs allow, the likeliest first. The last one needs no proof.
 * `rows`: what schema.yaml says about the first dimension.
 */
export function layoutsOf(model: Model, rows: boolean | undefined): Layout[] {
  if (rows === false || model.inputs.length === 0) return [WHOLE];
  if (model.inputs.every((input) => input.shape[0] === -1)) return [{ rows: true }];
  const [first] = model.inputs;
  const fixed = first?.shape[0] ?? 0;
  const alike = model.inputs.every((input) => input.shape.length > 1 && input.shape[0] === fixed);
  return alike && fixed > 1 ? [{ rows: true, fixed }, WHOLE] : [WHOLE];
}
