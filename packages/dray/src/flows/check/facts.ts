import type { Golden } from "../../core/golden.ts";
import type { EdgeState, Kept, ServiceState } from "../../machine/edge-state.ts";
import type { Manifest } from "../../manifest/schema.ts";
import type { MachineMetrics } from "../metrics.ts";
import type { Slow } from "./outside.ts";

/** A container as the engine describes it (GET /containers/ID/json), as far as it matters here. */
export interface Inspected {
  Id: string;
  Name: string;
  RestartCount: number;
  State: { Running: boolean; ExitCode: number; OOMKilled: boolean };
  Config: { User: string; Env: string[] | null; Labels: Record<string, string>; Image: string };
  HostConfig: {
    Memory: number;
    NanoCpus: number;
    PidsLimit: number | null;
    Privileged: boolean;
    CapDrop: string[] | null;
    SecurityOpt: string[] | null;
    ReadonlyRootfs: boolean;
    Binds: string[] | null;
    RestartPolicy: { Name: string };
    LogConfig: { Type: string; Config: Record<string, string> | null };
  };
}

/** What an HTTP question was answered with. */
export interface Said {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export interface Ask {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Everything the 26 questions are asked of. */
export interface Facts {
  /** Where clients call it, without a path. */
  base: string;
  host: string;
  https: boolean;
  manifest: Manifest | undefined;
  golden: Golden[];
  /** Asks the endpoint; `own`: with the key that this computer has. */
  ask: (what: Ask, own?: boolean) => Promise<Said>;
  /** Asks over plain HTTP, whatever the endpoint's scheme. */
  plain: (path: string) => Promise<Said>;
  /** Sends a request slowly, and waits so long for it to be refused. */
  slow: (patienceMs: number) => Promise<Slow>;
  tls: () => Promise<{ problem?: string; daysLeft: number; lifeDays: number; issuer: string } | undefined>;
  inside: Inside | undefined;
}

/** What the machine says. */
export interface Inside {
  machine: string;
  /** Containers that answer: the live release's replicas, or the one by hand. */
  live: Inspected[];
  /** Releases that were retired, as their containers ended. */
  retired: Inspected[];
  edge: Inspected | undefined;
  keeper: Inspected | undefined;
  state: EdgeState | undefined;
  service: ServiceState | undefined;
  kept: Kept | undefined;
  audit: Record<string, unknown>[];
  metrics: MachineMetrics | undefined;
  /** Lines of the edge's access log of a request. */
  logged: (id: string) => Promise<string[]>;
  /** Sockets that listen for everybody: `0.0.0.0:22`. */
  listeners: string[] | undefined;
  /** Share of the disk in use, and free bytes. */
  disk: number | undefined;
  /** A server answers at 169.254.169.254, as the machine itself sees it. */
  metadata: boolean | undefined;
  /** Rules of the machine keep replicas from it; undefined: none that are ours. */
  walled: boolean | undefined;
  dockerAtBoot: boolean | undefined;
  /** Registries whose logins lie on the machine's disk. */
  logins: string[] | undefined;
  requestLog: { kept: number; driftAt?: string } | undefined;
}
