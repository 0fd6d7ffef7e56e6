import type { HandMade } from "../core/hand-made.ts";
import type { Key } from "../core/keys.ts";
import type { KeptRequest } from "../core/kept-request.ts";
import type { MachineMetrics } from "../core/metrics.ts";
import type { Release } from "../core/release.ts";
import type { Readable } from "node:stream";
import type { Access, BackedUp, Cleaned, HostFacts, LogOptions, SecretRow, SetUp, ShadowFound } from "./answers.ts";
import type { Prepared } from "../core/prepared.ts";
import type { Inside } from "./inside.ts";
import type { Place, Subject } from "./place.ts";
import type { Reached } from "./reached.ts";
import type { Session } from "./session.ts";

/** What not every target can do. */
export interface Abilities {
  /** Who may call. */
  keys?: {
    list(subject: Subject, session: Session): Promise<Access>;
    /** @throws Failure keys.taken */
    add(subject: Subject, named: { name: string; key: Key }, session: Session): Promise<void>;
    /** @throws Failure keys.unknown */
    revoke(subject: Subject, name: string, session: Session): Promise<Access>;
  };
  /** The release that has the traffic, so that another environment may get the same; undefined: there is none. */
  promotion?: { source(subject: Subject, session: Session): Promise<Release | undefined> };
  /** Values that the container gets; a new one is an order (`rotate`). */
  secrets?: { list(subject: Subject, session: Session): Promise<SecretRow[]> };
  /** What the endpoint did, counted where it runs. */
  metrics?: {
    /** @throws Failure keeper.none */
    read(subject: Subject, sinceS: number, session: Session): Promise<MachineMetrics>;
    /** The same again and again, until aborted. */
    watch(
      subject: Subject,
      how: { sinceS: number; everyMs: number; onMetrics: (found: MachineMetrics) => void },
      session: Session,
    ): Promise<void>;
  };
  /** The sample of requests that is kept there. */
  requests?: {
    /** @throws Failure requests.none */
    kept(subject: Subject, sinceMs: number, session: Session): Promise<KeptRequest[]>;
    /** Notes there that somebody looked for drift. */
    noteDrift(subject: Subject, psi: number | undefined, session: Session): Promise<void>;
  };
  /** One release, past the traffic: whatever its share is. */
  releases?: {
    /** @throws Failure release.unknown, release.stopped */
    reach(subject: Subject, release: string, session: Session): Promise<Reached>;
  };
  /** Copies of real requests for a release that answers nobody; one begins by an order. */
  shadow?: {
    /** @throws Failure shadow.none */
    report(subject: Subject, session: Session): Promise<ShadowFound>;
    /** @throws Failure shadow.none */
    stop(subject: Subject, session: Session): Promise<ShadowFound>;
  };
  /** Telling people of troubles; whom, is in the order. @throws Failure alerts.none, alerts.failed */
  alerts?: { test(subject: Subject, session: Session): Promise<void> };
  /** A program beside the model, at this terminal; resolves to its exit code. */
  exec?: {
    attach(
      subject: Subject,
      program: { argv: readonly string[]; terminal: boolean },
      session: Session,
    ): Promise<number>;
  };
  /** Containers beside the model, which no deploy replaces. */
  with?: {
    /** Makes one anew as the manifest says. @throws Failure with.unknown, with.failed */
    restart(subject: Subject, name: string, session: Session): Promise<void>;
    /** @throws Failure with.unknown */
    remove(subject: Subject, name: string, session: Session): Promise<void>;
    /** @throws Failure with.unknown */
    logs(
      subject: Subject,
      what: { name: string; options: LogOptions; onLine: (from: string, line: string) => void },
      session: Session,
    ): Promise<void>;
  };
  /** What `dray check` asks of the inside. */
  inspect?: {
    open(place: Place, what: { service?: string; container?: string }, session: Session): Promise<Inside>;
  };
  /** Files outside the image, fetched to where it runs; an order names them. */
  weights?: true;
  /** Computers that people own and set up. */
  hosts?: {
    facts(place: Place, session: Session): Promise<HostFacts>;
    /** A container there that somebody started by hand. @throws Failure container.unknown */
    handMade(place: Place, container: string, session: Session): Promise<HandMade>;
    /** @throws Failure machine.setup-unsupported */
    planSetUp(place: Place, session: Session): Promise<SetUp>;
    /** @throws Failure machine.setup-failed */
    setUp(place: Place, plan: SetUp, session: Session): Promise<void>;
    /** Removes everything that dray made there. `data`: what services keep in volumes, too. @throws Failure service.locked, machine.not-clean */
    clean(place: Place, options: { data: boolean }, session: Session): Promise<Prepared<Cleaned>>;
    /** Hands `take` an archive of what it would need to be the same again. @throws Failure backup.nothing */
    backUp(
      place: Place,
      options: { data: boolean },
      take: (archive: Readable) => Promise<void>,
      session: Session,
    ): Promise<BackedUp>;
    /** Puts such an archive on one that has nothing of dray's. @throws Failure backup.in-use, backup.unreadable */
    restore(place: Place, archive: Readable, session: Session): Promise<BackedUp>;
  };
}

export type Ability = keyof Abilities;
