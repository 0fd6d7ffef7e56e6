/** Times in milliseconds; `errors`: answers of 500 and above. */
export interface Figures {
  requests: number;
  perSecond: number;
  errors: number;
  /** 429: the edge or the release had enough. */
  refused: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  queueP95Ms: number;
  modelP95Ms: number;
}

/** What one container uses now: a share of one core, bytes, and how often the engine started it again. */
export interface Usage {
  container: string;
  release: string;
  cpu: number;
  memory: number;
  memoryLimit: number;
  restarts: number;
}

/** What one key's holder got; times in milliseconds. */
export interface CallerFigures extends Pick<Figures, "requests" | "errors" | "refused" | "p50Ms" | "p95Ms" | "p99Ms"> {
  caller: string;
}

export interface MachineMetrics {
  machine: string;
  sinceS: number;
  all: Figures;
  releases: (Figures & { release: string })[];
  callers: CallerFigures[];
  containers: Usage[];
}
