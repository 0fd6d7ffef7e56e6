import type { Socket } from "node:net";
import type { Decision } from "../schema/decisions.ts";

/** What became of a request that was taken, and is answered the other way all the same. */
export interface Kept {
  error: Error | undefined;
  decisions: readonly Decision[];
  /** When the request came, as performance.now() has it. */
  at: number;
}

const kept = new WeakMap<Socket, Kept>();

/** For the next request of this connection: it is not asked again. */
export function keep(socket: Socket, what: Kept): void {
  kept.set(socket, what);
}

/** What is known of the request that came first on this connection since it was handed over. */
export function takeKept(socket: Socket): Kept | undefined {
  const found = kept.get(socket);
  if (found !== undefined) kept.delete(socket);
  return found;
}
