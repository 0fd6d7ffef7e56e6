import type { Perform } from "../core/carry-out.ts";
import type { Cloud } from "../core/cloud.ts";
import type { Way } from "../core/compare-facts.ts";
import type { Payload } from "../core/payload.ts";
import type { Plan, Step } from "../core/plan.ts";
import type { Prepared } from "../core/prepared.ts";
import type { Report } from "../core/report.ts";
import type { Trace } from "../core/trace.ts";
import type { Manifest } from "../manifest/schema.ts";
import type { TargetPart } from "../manifest/target-part.ts";
import type { Abilities, Ability } from "./abilities.ts";
import type { LogOptions } from "./answers.ts";
import type { Order, Outcome } from "./order.ts";
import type { Place, Subject } from "./place.ts";
import type { Reached } from "./reached.ts";
import type { Session } from "./session.ts";

/** What is to be traced: a service of a manifest, a container by hand, or just a URL. */
export interface TraceWanted {
  manifest?: Manifest;
  place?: Place;
  container?: string;
  url?: string;
  headers: Record<string, string>;
  body?: Payload;
  /** False: the certificate is still to come, and plain HTTP is what there is. */
  secured?: boolean;
  /** Who may be asked what lies in front of a machine. */
  clouds?: readonly Cloud[];
}

/** What a plan needs to know, and the connections that were opened to see it; closing them is the caller's. */
export interface Observed<Seen> extends AsyncDisposable {
  seen: Seen;
}

/** How a manifest for a target begins. */
export interface Introduction {
  /** What could be found out of its part of the manifest. */
  options: object;
  /** For whoever begins with it. */
  notes: string[];
}

/**
 * Where services run. A flow never asks which target it has: it asks for a verb that every target has, or for an
 * ability, and has the target's own sentence where there is none.
 */
export interface Target<Seen = unknown, S extends Step = Step, Work = unknown> extends TargetPart {
  /** Its column in `dray compare`. */
  way: Way;
  /** `machine`: the manifest names its places; `nothing`: it has defaults for all that it needs. */
  needs: "machine" | "nothing";
  /** What `dray init` writes of it, and tells. @throws Failure */
  introduce?(session: Session): Promise<Introduction>;
  /** Every place that the manifest means, or the one called `only`. @throws Failure usage.invalid */
  places(manifest: Manifest, only?: string): Place[];

  /** Everything that a plan needs, in few round trips; changes nothing there. @throws Failure */
  observe(place: Place, order: Order, session: Session): Promise<Observed<Seen>>;
  /** What would be done; pure. @throws Failure release.unknown, release.none-before */
  plan(order: Order, seen: Seen): Plan<S>;
  /** What the steps of a plan hand on to each other, before the first one. */
  begin(order: Order, seen: Seen, session: Session): Work;
  /** Does one step. @throws Failure */
  perform(step: S, work: Work, session: Session): ReturnType<Perform<S, Session>>;
  /** `planned`: nothing was done yet. */
  outcome(work: Work, at: "planned" | "done", plan: Plan<S>, session: Session): Promise<Outcome>;
  /** Longest time for taking a failed plan back. */
  undoMs?: number;
  /** Ends what has no traffic any more, where `perform` leaves that for later. */
  retire?(place: Place, left: { service: string; keep: number }, session: Session): Promise<void>;
  /** Walks the way to what was just deployed; undefined where the plan itself proves it last. */
  proof?(subject: Subject, outcome: Outcome, session: Session): Promise<Trace>;

  /** What runs there: of the service, or everything of ours. */
  status(subject: Subject, scope: "service" | "all", session: Session): Promise<Report>;
  /** Hands log lines over, each with where it is from (empty: there is one source). */
  logs(subject: Subject, options: LogOptions, onLine: OnLine, session: Session): Promise<void>;
  /** The way to the model, hop by hop; what is wrong with the way is no error. @throws Failure usage.invalid */
  trace(wanted: TraceWanted, session: Session): Promise<Trace>;
  /** `by-name`: as clients call it; `there`: at this very place. @throws Failure service.unknown */
  reach(subject: Subject, how: "by-name" | "there", session: Session): Promise<Reached>;
  /** Takes the service away, when it was agreed to. @throws Failure service.unknown */
  remove(subject: Subject, session: Session): Promise<Prepared<Report>>;

  /** What a node of it is, where the target is priced by nodes. */
  nodeType?(manifest: Manifest): string;

  can: Abilities;
  /** One sentence for each ability that it lacks: what there is instead. */
  lacks: Partial<Record<Ability, string>>;
}

export type OnLine = (from: string, line: string) => void;

/** A target of the catalogue: what it has seen and what it works with is its own business. */
export type AnyTarget = Target;

/** The session of a verb: it knows the targets that there are. */
export interface VerbSession extends Session {
  /** By kind: the catalogue's, and in a test one more. */
  targets: Readonly<Record<string, AnyTarget>>;
  /** What looks at containers that were started by hand, where no manifest names a target. */
  byHand: AnyTarget;
  /** The folder in which each run is written down; undefined: none is. */
  journal: string | undefined;
}
