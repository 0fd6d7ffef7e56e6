import { confirm, isCancel } from "@clack/prompts";
import { Failure } from "../base/failure.ts";
import type { Plan } from "../core/plan.ts";
import type { Common } from "./command.ts";
import { planText } from "./screen/screen.ts";
import { tell } from "./screen/say.ts";

interface Asking {
  flags: Common & { yes?: boolean };
}

/**
 * Shows a plan and asks. `before`: what to know first, a price or a loss. `alone`: where nobody sits at a terminal it is
 * taken as agreed, as in CI; else somebody has to have said --yes. @throws Failure usage.declined
 */
export async function agree(
  { flags }: Asking,
  plan: Plan,
  before: string,
  alone: "agreed" | "declined",
): Promise<void> {
  const asking = process.stdin.isTTY && process.stderr.isTTY && flags.json !== true;
  if (flags.yes === true || (alone === "agreed" && !asking)) return;
  tell(planText(plan));
  const answer = asking ? await confirm({ message: `${before} Go on?`.trim() }) : false;
  if (isCancel(answer) || !answer)
    throw new Failure("usage.declined", `not confirmed; nothing was changed. ${before}`.trim(), {
      hint: "if so: --yes",
    });
}
