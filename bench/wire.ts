// What the model server reads past node:http, held against node's own parser: mutated requests, and those of smugglers.
import { differ } from "../packages/serve/src/wire/differ.ts";
import type { Figures, Stage } from "./stage.ts";

const INPUTS = 100_000;
const FEW = 1000;

/** `rounds` times 100,000 inputs, each round with a seed of its own. */
export async function benchWire(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const all = { inputs: 0, taken: 0, letGo: 0, different: 0 };
  for (let round = 1; round <= rounds; round++) {
    const { inputs, taken, letGo, different } = await differ(round, stage.smoke ? FEW : INPUTS);
    all.inputs += inputs;
    all.taken += taken;
    all.letGo += letGo;
    all.different += different.length;
    for (const each of different.slice(0, 3)) say(each);
    say(`round ${round}: ${taken} requests taken, ${letGo} connections let go, ${different.length} read otherwise`);
  }
  if (all.different > 0)
    throw new Error(`${all.different} of ${all.inputs} inputs were read otherwise than by node:http`);
  return all;
}
