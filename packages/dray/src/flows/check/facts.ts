import type { Inside } from "../../contract/inside.ts";
import type { Golden } from "../../core/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";

/** What an HTTP question was answered with. */
export interface SaidOfApi {
  status: number;
  headers: Record<string, string>;
  body: string;
  sha256?: string;
}

export interface AskFacts {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** Everything the 27 questions are asked of. */
export interface Facts {
  /** Where clients call it, without a path. */
  base: string;
  host: string;
  https: boolean;
  manifest: Manifest | undefined;
  golden: Golden[];
  /** The first golden request; without one, the prediction that the API itself names. */
  sample: () => Promise<Golden["request"] | undefined>;
  /** Asks the endpoint; `own`: with the key that this computer has. */
  ask: (what: AskFacts, own?: boolean) => Promise<SaidOfApi>;
  /** Asks over plain HTTP, whatever the endpoint's scheme. */
  plain: (path: string) => Promise<SaidOfApi>;
  /** Sends a request slowly, and waits so long for it to be refused. */
  slow: (patienceMs: number) => Promise<Slow>;
  tls: () => Promise<{ problem?: string; daysLeft: number; lifeDays: number; issuer: string } | undefined>;
  inside: Inside | undefined;
}

/** What came of a request whose body never ends: the status of its refusal, 0 where there is none, after how long. */
export interface Slow {
  status: number;
  seconds: number;
  /** Nothing came: the connection was still open when the patience ended. */
  open: boolean;
}
