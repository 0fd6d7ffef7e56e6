import type { Secret } from "../base/secret.ts";
import type { Golden } from "../core/golden.ts";
import type { Callers } from "../core/keys.ts";
import type { Plan } from "../core/plan.ts";
import type { Built } from "../core/recipe.ts";
import type { Cargo } from "../core/registry.ts";
import type { Origin, Release } from "../core/release.ts";
import type { ShadowRollout } from "../core/shadow-rollout.ts";
import type { WeightsWanted } from "../core/weights.ts";
import type { Manifest } from "../manifest/schema.ts";

/** What the order is about: a new release, one that is kept, or the live one with a new value of a secret. */
export type Want = { verb: "deploy" } | { verb: "rollback"; to?: string } | { verb: "rotate"; secret: string };

/** How a release gets the traffic: as the manifest's rollout says, all of it at once, or copies of requests only. */
export type Rollout = "as-the-manifest-says" | "at-once" | ShadowRollout;

/** An image in a registry. */
export interface InRegistry {
  /** With its tag. */
  image: string;
  /** By digest: what is pulled. */
  reference: string;
  /** Bytes that were sent. */
  sent: number;
}

/** An image on this computer, ready to be carried where `cargo` is there; else a registry has it. */
export interface Ready {
  built: Built;
  cargo: Cargo | undefined;
}

/** How an order's image comes to be. Which recipe makes it is the catalogue's business. */
export interface Making {
  /** Does the image depend on the architecture that it is made for? */
  perArchitecture: boolean;
  /** Makes or finds the image. `architecture`: Docker's name, amd64 or arm64. @throws Failure image.* */
  build(architecture: string): Promise<Ready>;
  /** The release of an image. */
  release(built: Built, digest: string): Release;
  /** Puts it into a registry. @throws Failure registry.* */
  push(repository: string, image: { tag: string; digest: string }): Promise<InRegistry>;
}

/** What is wanted, complete: everything that the manifest leaves to be looked up is resolved, once for all places. */
export interface Order {
  want: Want;
  manifest: Manifest;
  golden: readonly Golden[];
  /** A changed golden answer is refused, or taken over and handed back in the outcome. */
  answers: "must-match" | "may-change";
  keys: Callers;
  /** Whom to tell of troubles; undefined: as before. */
  alerts: Secret | "nobody" | undefined;
  rollout: Rollout;
  from: Origin;
  making: Making;
  /** Files outside the image; a rollback has them already. */
  weights: readonly WeightsWanted[];
  /** `plan`: it is only to be seen what would be done. */
  mode: "plan" | "perform";
  /** `asked`: somebody is shown the plan and says yes to it. */
  consent: "asked" | "given";
  /** Does something once for all places of the order; whoever asks next gets the same. */
  once<T>(key: string, act: () => Promise<T>): Promise<T>;
}

/** What a deploy or rollback did at one place, or would do. */
export interface Outcome {
  /** The place's name. */
  machine: string;
  address: string;
  port: number;
  /** Where clients call it. */
  url: string;
  /** What clients send is encrypted: there is a certificate, and it is in force. */
  secured: boolean;
  /** Where it is not, and something else than a domain in the manifest makes it so. */
  toSecure?: string;
  service: string;
  release: string;
  before?: string;
  plan: Plan;
  bytesSent: number;
  servingMs?: number;
  /** The golden requests with their new answers, where changed ones were accepted. */
  accepted: Golden[];
  /** There is nothing that has no traffic any more: nothing is to be retired. */
  leaves?: "nothing";
  /** About, in US dollars a month; undefined: not known here. */
  monthly?: number;
  /** What people should know, a line each. */
  notes?: string[];
}
