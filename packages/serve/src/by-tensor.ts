import { hasRows, rowsOf, type Tensors, tensorsAsked } from "./asked.ts";
import type { Batcher, Share } from "./batcher.ts";
import type { Feeds } from "./model/model.ts";
import { Refusal } from "./refusal.ts";
import { miscounted } from "./rows/proof.ts";
import type { Decide, Decision } from "./schema/decisions.ts";
import type { Validator } from "./schema/validate.ts";

/** What a model is asked with tensors that came as such, past the names of its features. */
export interface ByTensor {
  /** Tensors -> tensors, through the queue of all. @throws Refusal 413, 422, 429, 504 */
  infer(feeds: Feeds, gone: () => boolean): Promise<Feeds>;
  /** Tensors -> a decision for each of their rows. @throws Refusal as `infer` does */
  decideTensors(feeds: Feeds, gone: () => boolean): Promise<Decision[]>;
}

interface Parts {
  batcher: Batcher;
  validator: Validator;
  decide: Decide;
  /** Is the first dimension the rows? */
  counted: boolean;
}

/** Tensors take the same way as rows: the same limits hold for them. */
export function byTensor({ batcher, validator, decide, counted }: Parts): ByTensor {
  const infer: ByTensor["infer"] = async (feeds, gone) => {
    const asked = tensorsAsked(feeds, counted);
    validator.mustNotBeTooMany(asked.length);
    return await inferred(batcher, asked, gone);
  };
  return {
    infer,
    decideTensors: async (feeds, gone) => {
      const outputs = await infer(feeds, gone);
      const { length } = tensorsAsked(feeds, counted);
      const fault = counted ? miscounted(outputs, length) : undefined;
      if (fault !== undefined)
        throw new Refusal(500, `the model's answer is not one row for each that was sent: ${fault}`);
      return Array.from({ length }, (_, row) => decide(outputs, row));
    },
  };
}

/** One request's tensors, in a run with others where that can be. */
async function inferred(batcher: Batcher, asked: Tensors, gone: () => boolean): Promise<Feeds> {
  const { outputs, from, of } = await new Promise<Share>((resolve, reject) => {
    batcher.submit(asked, gone, (error, share) =>
      share === undefined ? reject(error ?? new TypeError("the queue gave no answer")) : resolve(share),
    );
  });
  if (of === asked.length) return outputs;
  if (hasRows(outputs, of)) return rowsOf(outputs, from, asked.length);
  return await inferred(batcher, { ...asked, joins: undefined }, gone);
}
