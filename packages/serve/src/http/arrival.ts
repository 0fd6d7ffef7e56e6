import type { IncomingMessage } from "node:http";

const CAME = Symbol("came");

interface Marked extends IncomingMessage {
  [CAME]?: number;
}

/** Notes that a request's head is here. */
export function came(request: IncomingMessage): void {
  (request as Marked)[CAME] = performance.now();
}

/** Seconds since the request's head came. */
export function secondsSince(request: IncomingMessage): number {
  const now = performance.now();
  return (now - ((request as Marked)[CAME] ?? now)) / 1000;
}
