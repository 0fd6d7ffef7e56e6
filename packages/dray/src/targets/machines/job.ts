import type { Duplex } from "node:stream";
import type { CertificateWish } from "drayage-keeper";
import type { Secret } from "../../base/secret.ts";
import type { Context } from "../../core/context.ts";
import type { Golden } from "../../core/golden.ts";
import type { Release } from "../../core/release.ts";
import type { Replica } from "../../machine/edge-state.ts";
import type { FindLogin } from "../../base/registry/login.ts";
import type { Callers } from "./callers.ts";
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

/** What carrying out one machine's plan needs to know besides its steps. */
export interface Job {
  site: Site;
  seen: Seen;
  release: Release;
  golden: Golden[];
  /** A changed golden answer is taken over, and noted in `accepted`, instead of refused. */
  acceptGolden: boolean;
  accepted: Golden[];
  edgeImage: string;
  /** Brings the edge's image to the machine when it is not there. */
  supplyEdge: (site: Site, context: Context) => Promise<void>;
  /** Who may call, as the manifest says it. */
  keys: Callers;
  /** Whom to tell of troubles, as the keeper is to know it; undefined: as before. */
  alerts: Secret | "nobody" | undefined;
  https: Https | undefined;
  /** Its certificate is in force. */
  secured: boolean;
  /** The login for a registry that the machine pulls from. */
  findLogin: FindLogin;
  /** Brings the keeper's image to the machine when it is not there. */
  supplyKeeper: (site: Site, context: Context) => Promise<void>;
  /** Who runs the command: owner of the lock. */
  who: string;
  /** For times since the command began. */
  startedAt: number;
  /** Bytes that travelled, for the record. */
  bytesSent: number;
  /** Of the service's network; known once there is one. */
  subnet: string | undefined;
  /** Addresses of the network that are in use. */
  taken: Set<string>;
}

/** A replica that was started, and a connection to it that waits to be used. */
export interface Started extends Replica {
  line?: Promise<() => Duplex>;
}
