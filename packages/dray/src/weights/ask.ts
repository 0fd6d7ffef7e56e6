import { within } from "drayage-clock";
import { FetchError, probe } from "drayage-keeper";
import { Failure } from "../base/failure.ts";
import type { WeightsFile } from "../core/weights.ts";

/** A size is worth that much waiting; the machine asks again, and longer. */
const PATIENCE_MS = 10_000;

/** A file's size, as its source tells this computer; undefined where only the machine may reach it. @throws Failure weights.missing, weights.refused */
export async function look(file: WeightsFile, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await within(PATIENCE_MS, signal, (limit) => probe(file, limit))).bytes;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof FetchError) || error.why === "unreachable" || error.why === "cut") return undefined;
    throw explainFetch(error.why, error.message, "this computer", error);
  }
}

/** A failed fetch in words for people. `where`: the computer that asked. */
export function explainFetch(why: FetchError["why"], text: string, where: string, cause?: unknown): Failure {
  const with_ = cause === undefined ? {} : { cause };
  switch (why) {
    case "refused":
      return new Failure("weights.refused", `the weights are not for this login: ${text}`, {
        hint: "does the login of this computer have the right to read them? a source's terms may have to be accepted first",
        ...with_,
      });
    case "missing":
      return new Failure("weights.missing", `the weights are not there: ${text}`, {
        hint: "look at from: in the manifest; a revision or a file may be spelled otherwise",
        ...with_,
      });
    case "mismatch":
      return new Failure("weights.mismatch", `the weights are not what the manifest names: ${text}`, {
        hint: "if the new content is meant, name its hash; nothing was switched",
        ...with_,
      });
    case "disk":
      return new Failure("machine.disk-full", `${where}: ${text}`, {
        hint: "look at what is there: docker system df; fewer kept releases: keep: 2",
        ...with_,
      });
    case "unreachable":
      return new Failure("weights.unreachable", `${where} does not get to the weights: ${text}`, {
        hint: "where a machine has no way out, this computer sends them: it must reach the source itself",
        ...with_,
      });
    case "cut":
    case "gone":
      return new Failure("weights.cut", `the weights did not arrive on ${where}: ${text}`, {
        hint: "run the same command again: it goes on from what has come",
        ...with_,
      });
  }
}
