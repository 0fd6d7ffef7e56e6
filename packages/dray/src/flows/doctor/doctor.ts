import { within } from "drayage-clock";
import type { Context } from "../../core/context.ts";
import { askClock, askProxy } from "./network.ts";
import { type Finding, unanswered } from "./finding.ts";
import { askCache, askDocker, askKey, askLogins, askNode, askNpm, askSsh } from "./programs.ts";

/** Asks one thing of this computer. */
export type Look = (signal: AbortSignal) => Promise<Finding>;

const EACH_MS = 15_000;
const LOOKS: Record<string, Look> = {
  node: askNode,
  ssh: askSsh,
  "ssh key": askKey,
  npm: askNpm,
  docker: askDocker,
  login: askLogins,
  cache: askCache,
  clock: askClock,
  proxy: askProxy,
};

/** What `dray` needs of this computer, each thing with what was seen and its fix; all are asked at once. */
export async function doctor(context: Context, looks: Record<string, Look> = LOOKS): Promise<Finding[]> {
  return await Promise.all(
    Object.entries(looks).map(async ([name, look]) => {
      try {
        return await within(EACH_MS, context.signal, look);
      } catch (error) {
        context.signal.throwIfAborted();
        const said = error instanceof Error ? error.message : String(error);
        return unanswered(name, said, "run dray doctor again");
      }
    }),
  );
}
