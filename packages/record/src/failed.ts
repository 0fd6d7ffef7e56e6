/**
 * Did the service fail to answer? Alerts, metrics, canaries and scores mean the same by it: an error of the server's (5xx), or
 * no answer at all, which the edge's log calls -1. Whoever asks leaves out requests whose client went away.
 */
export function isFailed(status: number): boolean {
  return status >= 500 || status <= 0;
}

/** Was the request refused (4xx)? That is the caller's doing, as far as one request can tell; a canary compares how often. */
export function isRefused(status: number): boolean {
  return status >= 400 && status < 500;
}
