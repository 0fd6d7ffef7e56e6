import { whoAmI } from "../../base/computer.ts";
import { CATALOGUE } from "../../catalogue.ts";
import type { VerbSession } from "../../contract/target.ts";
import { journalFolder } from "./folder.ts";

/** A session of this computer's user; what is given replaces what it would be. */
export function openSession(given: Partial<VerbSession> = {}): VerbSession {
  return {
    signal: new AbortController().signal,
    emit: () => undefined,
    secrets: new Map(),
    who: whoAmI(),
    startedAt: performance.now(),
    hostKeys: "known-only",
    targets: CATALOGUE.targets,
    byHand: CATALOGUE.byHand,
    journal: journalFolder(),
    ...given,
  };
}
