import type { ShadowRollout } from "../../../core/shadow-rollout.ts";
import type { CertificateWish } from "drayage-keeper";
import type { Rules } from "../../../core/judge.ts";
import type { Step } from "../../../core/plan.ts";
import type { Beside, Release } from "../../../core/release.ts";
import type { Callers } from "../../../core/keys.ts";

/** From this computer, over ssh. */
export interface Direct {
  via: "direct";
  /** Of the layers the machine lacks, compressed. */
  bytes: number;
  /** Only those layers are sent, when the machine can put them together with what it has. */
  parts?: readonly string[];
}

/** Where a machine gets the image from: this computer, a registry it reaches itself, it has it, or has it by another name. */
export type ImageSource =
  | { via: "tag"; image: string }
  | Direct
  | { via: "pull"; reference: string; bytes?: number }
  | { via: "here" };

/** What a machine does, as data. */
export type MachineStep = Step &
  (
    | { kind: "edge"; port: number; tls?: number; image: string }
    | { kind: "keeper"; image: string; secrets: readonly string[] }
    | { kind: "secrets"; names: readonly string[]; merge: boolean }
    | { kind: "certificate"; host: string }
    | { kind: "alerts"; drop: boolean }
    | { kind: "network"; network: string }
    | { kind: "wall" }
    | { kind: "move"; services: readonly string[] }
    | { kind: "lock" }
    | { kind: "carry"; source: ImageSource }
    | { kind: "with"; name: string; beside: Beside }
    | { kind: "before"; argv: readonly string[] }
    | { kind: "weights"; content: string; image: string }
    | { kind: "stop-old"; containers: readonly string[] }
    | { kind: "start"; replica: number; again: boolean }
    | { kind: "prove"; replica: number }
    | { kind: "shadow"; shadow: ShadowRollout }
    | { kind: "canary"; share: number; rollout: MachineRollout }
    | { kind: "switch" }
    | { kind: "bake"; ms: number; rollout: MachineRollout }
    | { kind: "unlock" }
  );

export interface Wish {
  release: Release;
  source: ImageSource;
  /** Replicas that exist already, stopped or draining: a rollback. */
  again: boolean;
  edge: { port: number; tls?: number; image: string };
  /** What the keeper is needed for, and its image. */
  keeper?: {
    image: string;
    /** Needed before the switch. */ first: boolean;
    host?: string;
    certificate?: CertificateWish;
  };
  /** Bytes of weights that the machine lacks, by content, where their source tells. */
  weightBytes?: Readonly<Record<string, number>>;
  /** Undefined: all of the traffic at once, watched by nobody. */
  rollout?: MachineRollout;
  /** Who may call, as the manifest says it. */
  keys?: Callers;
  /** Whom to tell: named by the manifest, or nobody. */
  alerts?: boolean;
  /** The secrets that get new values: the release is the live one, started anew. */
  rotates?: readonly string[];
  /** Only copies, until somebody ends it: the traffic stays where it is. */
  shadow?: ShadowRollout;
}

/** How a release gets the traffic, and what takes it back. `every` and `bake` in milliseconds, shares in percent. */
export interface MachineRollout extends Rules {
  canary: readonly number[];
  every: number;
  bake?: number | undefined;
  shadow?: ShadowRollout | undefined;
  /** `stop-first`: the old release ends before the new one starts. */
  order: "start-first" | "stop-first";
}
