import type { CloudFacts } from "./cloud-facts.ts";
import type { Context } from "./context.ts";
import type { LeftOver, Prepared } from "./prepared.ts";

/** A machine of a cloud, as the cloud tells of it. */
export interface CloudMachine {
  name: string;
  /** Where it is, in the cloud's own words: a zone. */
  zone: string;
  /** Of the cloud: `RUNNING`, `TERMINATED`, ... */
  status: string;
  type: string;
  /** Reached from everywhere; undefined: none now. */
  external?: string;
  /** Only inside the cloud's network. */
  internal?: string;
  /** The external address stays when the machine is stopped. */
  reserved: boolean;
  /** Made by dray, as its label says. */
  ours: boolean;
  /** About, in US dollars a month; undefined: not in the list of prices. `stopped`: what is left of it when the machine is. */
  monthly?: { running: number; stopped: number };
}

/** What a new machine shall be. */
export interface MachineWish {
  name: string;
  zone: string;
  type: string;
  diskGb: number;
  /** `debian-12`, or `cos`: Google's own with Docker in it. */
  system: string;
  /** Who logs in, and with which public key (a line of OpenSSH's). */
  login: { user: string; key: string };
  /** Told the machine's host keys, as soon as the cloud has told them: lines of known_hosts without the name. */
  onHostKeys: (address: string, keys: readonly string[]) => Promise<void>;
}

/** Makes machines, addresses and firewall rules. Everything may be run again: what is half made is gone on with. */
export interface Cloud {
  kind: string;
  /** @throws Failure google.* */
  create(wish: MachineWish, context: Context): Promise<Prepared<MadeMachine>>;
  /** What it says of the machine with that address, or one of those names. */
  look(address: string, names: readonly string[], context: Context): Promise<CloudFacts>;
  list(context: Context): Promise<CloudMachine[]>;
  start(name: string, context: Context): Promise<CloudMachine>;
  stop(name: string, context: Context): Promise<LeftOver>;
  remove(name: string, keepAddress: boolean, context: Context): Promise<Prepared<LeftOver>>;
}

/** A machine that is ready for its first deploy. */
export interface MadeMachine extends CloudMachine {
  external: string;
}
