/** What one line of the edge's access log says. Times in milliseconds, -1 where it did not come that far. */
export interface Access {
  service: string;
  release: string;
  status: number;
  queueMs: number;
  modelMs: number;
  totalMs: number;
  /** How the session ended (HAProxy's manual, 8.5): `c` first: the client went away. */
  ended: string;
  caller: string;
}

const BACKEND = "s_";

/**
 * Reads a line of the edge's log format (HAProxy's `httplog`, then the request's id and the caller), without a regular
 * expression: there may be tens of thousands a second. Undefined for what is no request to a service.
 */
export function parseAccess(line: string): Access | undefined {
  const fields = line.split(" ", 10);
  const [, , , where = "", timers = "", status = "", , , , ended = ""] = fields;
  if (!where.startsWith(BACKEND)) return undefined;
  const slash = where.indexOf("/");
  const server = where.slice(slash + 1);
  const dot = server.indexOf(".");
  const [, queue, , model, total] = timers.split("/");
  return {
    service: where.slice(BACKEND.length, slash),
    // Refused by the edge itself: no release was asked.
    release: dot < 0 ? "" : server.slice(0, dot),
    status: Number(status),
    queueMs: Number(queue),
    modelMs: Number(model),
    totalMs: Number(total?.replace("+", "")),
    ended,
    caller: line.slice(line.lastIndexOf(" ") + 1),
  };
}
