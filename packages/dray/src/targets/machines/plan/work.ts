import type { Order } from "../../../contract/order.ts";
import type { Duplex } from "node:stream";
import type { CertificateWish } from "drayage-keeper";
import type { Secret } from "../../../base/secret.ts";
import type { Context } from "../../../core/context.ts";
import type { Golden } from "../../../core/golden.ts";
import type { Release } from "../../../core/release.ts";
import type { Replica } from "../../../edge/state.ts";
import type { FindLogin } from "../../../oci/login.ts";
import type { Callers } from "../../../core/keys.ts";
import type { Seen, Site } from "./observe.ts";

/** HTTPS of a service on one machine. */
export interface Https {
  /** What clients call it: a name, or the machine's own address. */
  host: string;
  port: number;
  wish: CertificateWish;
  /** The user's own key and chain. */
  pem?: Secret;
}

/** A replica that was started, and a connection to it that waits to be used. */
export interface Started extends Replica {
  line?: Promise<() => Duplex>;
}

/** A lock on one service of one machine. */
export interface Lease {
  /** The journal that somebody left who never came to the end; "" where there is none. */
  left: string;
  /** Does something under the lock; is stopped when the lock is lost. @throws Failure service.lock-lost */
  during<T>(context: Context, act: (context: Context) => Promise<T>): Promise<T>;
  /** Gives the lock back; the journal ends with it. */
  release(): Promise<void>;
}

/** Judges a release on trial: see trial.ts. */
export interface Watcher {
  listen(context: Context): void;
  watch(share: number, ms: number, context: Context): Promise<string>;
}

/** What the steps of one machine's plan need to know, and hand on to each other. */
export interface Work {
  site: Site;
  seen: Seen;
  release: Release;
  golden: readonly Golden[];
  answers: Order["answers"];
  /** Golden requests whose changed answers were taken over. */
  accepted: Golden[];
  edgeImage: string;
  /** Files outside the image. */
  weights: Order["weights"];
  /** Who may call, as the manifest says it. */
  keys: Callers;
  /** Whom to tell of troubles, as the keeper is to know it; undefined: as before. */
  alerts: Secret | "nobody" | undefined;
  https: Https | undefined;
  /** Its certificate is in force. */
  secured: boolean;
  /** The login for a registry that the machine pulls from. */
  findLogin: FindLogin;
  /** Who does it: owner of the lock. */
  who: string;
  /** ISO 8601: when the plan began to be done, for the journal. */
  begunAt: string;
  /** For times since the command began. */
  startedAt: number;
  /** Bytes that travelled, for the record. */
  bytesSent: number;
  /** Of the service's network; known once there is one. */
  subnet: string | undefined;
  /** Addresses of the network that are in use. */
  taken: Set<string>;
  lease?: Lease;
  /** The machine's journal could not be written, and that was told. */
  journalLost?: true;
  /** By their number. */
  replicas: Started[];
  /** How long each golden request took. */
  goldenMs: number[];
  trial?: Watcher;
}
