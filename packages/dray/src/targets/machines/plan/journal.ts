import { type JournalEntry, NOTES_VERSION, readJournalEntry } from "drayage-record";
import { edgeOf } from "./observe.ts";
import { isDead } from "../../../base/computer.ts";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { file } from "../../../edge/script.ts";
import { HOME } from "../../../edge/state.ts";
import type { Work } from "./work.ts";
import type { MachineStep } from "./steps.ts";

/** Where the journal of what is being done to a service is, in the edge's container: a file while it lasts. */
export const journalOf = (service: string): string => `${HOME}/${name(service)}`;
const name = (service: string): string => `journal-${service}.json`;

/** An entry, and whether its writer still holds the lock. */
export interface Unfinished extends JournalEntry {
  running: boolean;
}

/** Writes a step down as it begins. Nobody waits for the writing: it is in front of whatever the step itself asks of the edge. */
export function noteStep(work: Work, step: MachineStep, context: Context): void {
  const { site, release, who, begunAt } = work;
  const edge = edgeOf(site);
  const before = edge.known.services[release.service]?.current;
  const entry: JournalEntry = {
    v: NOTES_VERSION,
    service: release.service,
    release: release.id,
    ...(before === undefined ? {} : { before }),
    who,
    begunAt,
    step: step.title,
  };
  const target = journalOf(release.service);
  const write = `${file(`${name(release.service)}.new`, JSON.stringify(entry))}\n[ $? = 0 ] && mv -f ${target}.new ${target} && echo NOTED`;
  const told = (said: string): void => {
    if (said.includes("NOTED") || work.journalLost === true) return;
    work.journalLost = true;
    context.emit({ type: "warning", text: `${site.machine.name}: ${UNNOTED}` });
  };
  // A link that is gone ends the step elsewhere.
  edge.run(write).then(told, () => undefined);
}

const UNNOTED =
  "the journal of this deploy cannot be written there (is the disk full?): if it is interrupted, the next one does not know at which step";

/** What is being done to a machine's services, or was left undone; nothing when everybody came to the end. */
export async function unfinished(edge: Edge): Promise<Unfinished[]> {
  const said = await edge.run(
    `for journal in ${HOME}/journal-*.json; do [ -f $journal ] || continue
       lock=${HOME}/lock-\${journal##*/journal-}; lock=\${lock%.json}; until=0; holder=nobody
       read -r until < $lock/expires; read -r holder < $lock/holder
       [ "\${until:-0}" -gt $EPOCHSECONDS ] || holder=nobody; echo "HOLDER $holder"; cat $journal; done 2>/dev/null`,
  );
  const found = [...said.matchAll(/^HOLDER (\S+)\n(.*)$/gm)].map(async ([, holder = "nobody", text = ""]) => {
    const entry = readJournalEntry(text);
    const running = holder !== "nobody" && !(await isDead(holder));
    return entry === undefined ? [] : [{ ...entry, running }];
  });
  return (await Promise.all(found)).flat();
}

/** One sentence about what was left undone. */
export function leftText(entry: JournalEntry & { running?: boolean }, current: string | undefined): string {
  if (entry.running === true) return `${entry.who} is changing ${entry.service} to ${entry.release} now: ${entry.step}`;
  const how = current === entry.release ? "after it had got the traffic" : `${current ?? "nothing"} kept the traffic`;
  return `${entry.who} was interrupted while changing to ${entry.release} (begun ${entry.begunAt}, at "${entry.step}"): ${how}`;
}

/** Tells of what the last one left. */
export function tellLeft(entry: JournalEntry, current: string | undefined, context: Context): void {
  context.emit({ type: "warning", text: `${leftText(entry, current)}; it is cleared away now` });
}
