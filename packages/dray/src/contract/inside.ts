import type { EngineHealth } from "../core/health.ts";
import type { MachineMetrics } from "../core/metrics.ts";
import type { EdgeState, Kept, ServiceState } from "../edge/state.ts";

/** A container as the engine describes it (GET /containers/ID/json), as far as it matters here. */
export interface Inspected {
  Id: string;
  Name: string;
  RestartCount: number;
  State: { Running: boolean; ExitCode: number; OOMKilled: boolean; Health?: EngineHealth | null };
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

/** What the machine says; closing it ends the connection. */
export interface Inside extends AsyncDisposable {
  machine: string;
  /** Where clients reach it. */
  address: string;
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
  /** Why there are none, where they could not be asked. */
  unmeasured?: string;
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
