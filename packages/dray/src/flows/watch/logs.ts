import type { LogOptions } from "../../contract/answers.ts";
import type { VerbSession } from "../../contract/target.ts";
import { atEach, type Scope, targetOf } from "../fleet/places.ts";

export interface LogLine {
  machine: string;
  /** The container; empty where there is one source only. */
  from: string;
  line: string;
}

/** Hands log lines over as they come, each source's in its own order; following ends with the session's signal. */
export async function logs(
  scope: Scope,
  options: LogOptions,
  onLine: (line: LogLine) => void,
  session: VerbSession,
): Promise<void> {
  const target = targetOf(scope.manifest, session);
  await atEach(scope, session, async (subject) => {
    const { name: machine } = subject.place;
    await target.logs(subject, options, (from, line) => onLine({ machine, from, line }), session);
  });
}
