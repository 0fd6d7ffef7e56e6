import type { IncomingMessage } from "node:http";

const CAME = Symbol("came");

interface Marked extends IncomingMessage {
  [CAME]?: number;
}

/** Notes when a request's head came. */
export function came(request: IncomingMessage, at: number = performance.now()): void {
  (request as Marked)[CAME] = at;
}

/** Seconds since the request's head came. */
export function secondsSince(request: IncomingMessage): number {
  const now = performance.now();
  return (now - ((request as Marked)[CAME] ?? now)) / 1000;
}
