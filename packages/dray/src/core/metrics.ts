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
  /** Of a language model; missing where none were counted. */
  tokens?: TokenFigures;
}

/** Tokens that were read and written. */
export interface TokenFigures {
  asked: number;
  answered: number;
  /** How fast one stream is written, from its first token on; missing where nothing was streamed. */
  perSecond?: number;
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
export interface CallerFigures extends Pick<
  Figures,
  "requests" | "errors" | "refused" | "p50Ms" | "p95Ms" | "p99Ms" | "tokens"
> {
  caller: string;
}

/** A part of the time that is looked at. */
export interface Point extends Figures {
  /** Its start, in seconds since 1970. */
  at: number;
  /** Requests a second, by release. */
  releases: Record<string, number>;
}

export interface MachineMetrics {
  machine: string;
  sinceS: number;
  all: Figures;
  /** The same over time, oldest first: at most 120 parts, of a minute or more each. */
  series: Point[];
  releases: (Figures & { release: string })[];
  callers: CallerFigures[];
  containers: Usage[];
}
