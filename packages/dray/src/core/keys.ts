/** A caller's key: only its SHA-256, in hex. `manifest`: the next deploy says anew whether it is still one. */
export interface Key {
  sha256: string;
  from: "manifest" | "command";
  /** ISO 8601, UTC. */
  at: string;
}

/**
 * Who may call, as a manifest says it: the callers with a key, or `off`: anybody. Undefined: it does not say, and what
 * is closed stays closed.
 */
export type Callers = Readonly<Record<string, Key>> | "off" | undefined;
