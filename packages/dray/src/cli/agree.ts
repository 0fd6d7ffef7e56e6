import { confirm, isCancel } from "@clack/prompts";
import { Failure } from "../base/failure.ts";
import type { Outcome } from "../contract/order.ts";
import type { Plan } from "../core/plan.ts";
import type { RemoveOptions } from "../flows/release/remove.ts";
import type { Common } from "./command.ts";
import { priceText } from "./screen/deploy.ts";
import { planText } from "./screen/screen.ts";
import { tell } from "./screen/say.ts";

interface Asking {
  flags: Common & { yes?: boolean };
}

/** Does somebody sit at the terminal who can be asked? */
function canAsk(json: boolean): boolean {
  return process.stdin.isTTY && process.stderr.isTTY && !json;
}

async function yes(question: string): Promise<boolean> {
  const answer = await confirm({ message: question });
  return !isCancel(answer) && answer;
}

/**
 * Shows a plan and asks. `before`: what to know first, a price or a loss. Where nobody sits at a terminal, somebody has to
 * have said --yes. @throws Failure usage.declined
 */
export async function agree({ flags }: Asking, plan: Plan, before: string): Promise<void> {
  if (flags.yes === true) return;
  tell(planText(plan));
  if (canAsk(flags.json === true) && (await yes(`${before} Go on?`.trim()))) return;
  throw new Failure("usage.declined", `not confirmed; nothing was changed. ${before}`.trim(), { hint: "if so: --yes" });
}

/** Shows what would be done and asks; where nobody sits at a terminal, as in CI, it is taken as agreed. */
export function agreeToDeploy(flags: Common & { yes?: boolean; dryRun?: boolean }): {
  confirm?: (planned: Outcome) => Promise<boolean>;
} {
  if (flags.yes === true || flags.dryRun === true || !canAsk(flags.json === true)) return {};
  return {
    confirm: async (planned) => {
      tell(planText(planned.plan));
      return await yes(`${priceText(planned)} Go on?`.trim());
    },
  };
}

/** Asks before something goes; where nobody sits at a terminal nobody has agreed. */
export function agreeToRemove(as: "json" | "text"): NonNullable<RemoveOptions["confirm"]> {
  return async (what, plans) => {
    if (!canAsk(as === "json")) return false;
    for (const plan of plans) tell(planText(plan));
    return await yes(`Remove ${what}?`);
  };
}
