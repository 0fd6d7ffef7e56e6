import { isFailed } from "drayage-record";
import { quantile } from "../numbers/histogram.ts";
import { type Row, together } from "../numbers/numbers.ts";
import type { ReplicaEvent } from "../warden/events.ts";
import type { CertificateStatus } from "drayage-record";
import type { AlertSettings } from "./settings.ts";

/** What is looked at: the last minutes of a service, its replicas, the machine. */
export interface Seen {
  service: string;
  /** Of the last five minutes, and of the hour that ends now. */
  rows: readonly Row[];
  hour: readonly Row[];
  /** Somebody was told of wrong keys, and not yet that it is over. */
  guessing: boolean;
  /** Replicas that get traffic, and those of them that did not answer three times in a row. */
  replicas: number;
  silent: readonly string[];
  /** What was wrong with the answers to golden requests, two minutes in a row. */
  wrong: readonly string[];
  /** What happened to its replicas' containers. */
  events: readonly ReplicaEvent[];
  certificates: Record<string, CertificateStatus>;
  /** Share of the disk in use. */
  disk: number;
  /** What went wrong in the keeper itself. */
  faults: readonly string[];
  nowMs: number;
}

export type Kind =
  | "down"
  | "replica-silent"
  | "hung"
  | "restart-loop"
  | "out-of-memory"
  | "golden"
  | "wrong-keys"
  | "errors"
  | "slow"
  | "certificate"
  | "disk"
  | "keeper";

/** Something that somebody should know of. */
export interface Trouble {
  kind: Kind;
  why: string;
}

/** Five minutes, of which an hour has so many more. */
const OTHERS = 11;
/** Fewer 401s within five minutes are no storm: the edge itself lets one address show twenty wrong keys a minute. */
const STORM = 60;
/** As many times the usual number are far above it. */
const FAR = 5;
/** Fewer answers say nothing about a share. */
const ENOUGH = 20;
const DAY_MS = 86_400_000;
/** What is older has been told of. */
const RECENT_MS = 600_000;
/** So many ends within that time are a loop. */
const LOOP = 3;

/** What is wrong now; nothing when all is well. */
export function troubles(seen: Seen, settings: AlertSettings): Trouble[] {
  const row = together(seen.rows, () => "").get("");
  const statuses = Object.entries(row?.statuses ?? {});
  const total = statuses.reduce((sum, [, count]) => sum + count, 0);
  const bad = statuses.reduce((sum, [status, count]) => sum + (isFailed(Number(status)) ? count : 0), 0);
  const p95 = quantile(row?.total ?? {}, 0.95);
  const found: Trouble[] = [];
  const say = (kind: Kind, why: string): void => void found.push({ kind, why });
  if (seen.replicas > 0 && seen.silent.length === seen.replicas)
    say("down", `no replica answers on ${settings.ready}: ${seen.silent.join(", ")}`);
  else if (seen.silent.length > 0)
    say("replica-silent", `of ${seen.replicas} replicas, these do not answer: ${seen.silent.join(", ")}`);
  for (const [kind, why] of eventTroubles(seen)) say(kind, why);
  if (seen.wrong.length > 0) say("golden", `a golden request is answered wrongly: ${seen.wrong[0]}`);
  if (total >= ENOUGH && bad / total > settings.errors)
    say("errors", `${bad} of ${total} answers of the last five minutes failed (${percent(bad / total)})`);
  const guessed = guessTrouble(seen);
  if (guessed !== undefined) say("wrong-keys", guessed);
  if (settings.p95Ms !== undefined && total >= ENOUGH && p95 > settings.p95Ms)
    say("slow", `p95 of the last five minutes is ${p95} ms, more than ${settings.p95Ms} ms`);
  if (seen.disk > settings.disk) say("disk", `the machine's disk is ${percent(seen.disk)} full`);
  if (seen.faults.length > 0)
    say(
      "keeper",
      `the keeper met ${seen.faults.length} faults of its own and went on, the last: ${seen.faults.at(-1)}`,
    );
  for (const [host, status] of Object.entries(seen.certificates)) {
    const why = certificateTrouble(host, status, settings.certificateDays, seen.nowMs);
    if (why !== undefined) say("certificate", why);
  }
  return found;
}

/** Far more answers without a good key than there usually are; once it has begun, until there are few again: what lasts would become usual. */
function guessTrouble({ rows, hour, guessing }: Seen): string | undefined {
  const refused = (of: readonly Row[]): number => of.reduce((sum, { statuses }) => sum + (statuses[401] ?? 0), 0);
  const now = refused(rows);
  const usual = Math.max(0, refused(hour) - now) / OTHERS;
  if (now < STORM || (!guessing && now <= FAR * usual)) return undefined;
  return `${now} requests of the last five minutes showed no key or a wrong one, ${Math.round(usual)} are usual: somebody may be guessing keys; dray logs --status 401 shows from where`;
}

/** Containers that died again and again, ran out of memory, or were hung. */
function eventTroubles({ events, nowMs }: Seen): [Kind, string][] {
  const recent = events.filter(({ at }) => nowMs - Date.parse(at) < RECENT_MS);
  const of = (kind: ReplicaEvent["kind"]): ReplicaEvent[] => recent.filter((event) => event.kind === kind);
  const deaths = of("die");
  const loops = [...new Set(deaths.map(({ container }) => container))]
    .map((container) => [container, deaths.filter((event) => event.container === container)] as const)
    .filter(([, all]) => all.length >= LOOP);
  const hungs = of("restarted");
  const ooms = of("oom");
  return [
    ...loops.map(([container, all]): [Kind, string] => [
      "restart-loop",
      `${container} ended ${all.length} times in ten minutes, last with ${all.at(-1)?.exitCode ?? "?"}; dray logs`,
    ]),
    ...(ooms.length === 0
      ? []
      : [
          [
            "out-of-memory",
            `${ooms.at(-1)?.container} was killed for want of memory; limits: {memory} in the manifest`,
          ] as [Kind, string],
        ]),
    ...(hungs.length === 0
      ? []
      : [
          ["hung", `${hungs.at(-1)?.container} took connections and answered nothing, and was restarted`] as [
            Kind,
            string,
          ],
        ]),
  ];
}

function certificateTrouble(host: string, status: CertificateStatus, days: number, nowMs: number): string | undefined {
  if (status.state === "pending") return undefined;
  if (status.state === "failed") return `${host} has no certificate: ${status.problem.why}; ${status.problem.fix}`;
  const left = (Date.parse(status.until) - nowMs) / DAY_MS;
  // A certificate of six days is renewed two before its end; only one that could not be is worth a word.
  if (left > days || status.problem === undefined) return undefined;
  return `the certificate of ${host} ends in ${Math.max(0, Math.round(left * 10) / 10)} days and cannot be renewed: ${status.problem.why}`;
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
