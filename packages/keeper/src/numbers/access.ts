/** What one line of the edge's access log says. Times in milliseconds, -1 where it did not come that far. */
export interface Access {
  service: string;
  release: string;
  /** Which of its replicas: `RELEASE.N`. */
  server: string;
  status: number;
  queueMs: number;
  modelMs: number;
  totalMs: number;
  /** How the session ended (HAProxy's manual, 8.5): `c` first: the client went away. */
  ended: string;
  caller: string;
}

const BACKEND = "s_";
/** Of what is read of a line: names and numbers, without the request itself. */
const LONGEST = 200;

/**
 * Reads a line of the edge's log format (HAProxy's `httplog`, then the request's id and the caller), without a regular
 * expression: there may be tens of thousands a second. Undefined for what is no request to a service.
 */
export function parseAccess(line: string): Access | undefined {
  const at = line.indexOf(` ${BACKEND}`);
  if (at < 0 || line.indexOf("]") > at) return undefined;
  const [where = "", timers = "", status = "", , , , ended = ""] = line.slice(at + 1, at + LONGEST).split(" ", 7);
  const slash = where.indexOf("/");
  const dot = where.indexOf(".", slash);
  const [, queue, , model, total = ""] = timers.split("/", 5);
  return {
    service: where.slice(BACKEND.length, slash),
    // Refused by the edge itself: no release was asked.
    release: dot < 0 ? "" : where.slice(slash + 1, dot),
    server: where.slice(slash + 1),
    status: Number(status),
    queueMs: Number(queue),
    modelMs: Number(model),
    totalMs: Number(total.startsWith("+") ? total.slice(1) : total),
    ended,
    caller: line.slice(line.lastIndexOf(" ") + 1),
  };
}
