import type { Service } from "../service.ts";
import type { Identity } from "./openapi.ts";

/** What the routes know of the server they belong to. */
export interface Behind {
  identity: Identity;
  /** @throws Refusal 503 while the model is being loaded */
  loaded: () => Service;
  /** For those who ask before sending requests. @throws Refusal 503 until this server, and all beside it, can answer them */
  mustBeReady: () => void;
  isReady: () => boolean;
  /** Prometheus text of the whole process group. */
  metrics: () => Promise<string>;
}
