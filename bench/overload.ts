// Five times what the limits allow: do those who are let in notice, are the others told at once, and is it over when it is?
import { overload } from "../test/world/overload.ts";
import type { Figures, Stage } from "./stage.ts";

/** 20 seconds of overload for each round. */
export async function benchOverload(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm();
  const [calmMs, overMs] = stage.smoke ? [500, 500] : [8000, rounds * 20_000];
  const met = await overload(vm, { takesMs: 20, calmMs, overMs });
  say(`${met.sent} sent, ${met.accepted} let in and ${met.refused} refused; ${met.afterRefused} refused afterwards`);
  return { ...met };
}
