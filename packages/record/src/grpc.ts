/**
 * gRPC's status codes as HTTP's, each where Google's own table of them has it (google/rpc/code.proto): by number. Alerts,
 * metrics and canaries then mean the same by an answer, whichever way it was asked for.
 */
const HTTP = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401];
const UNKNOWN = 500;

/** The HTTP status that says what a gRPC status says. A number that gRPC does not have counts as a failure. */
export function httpStatusOf(grpc: number): number {
  return HTTP[grpc] ?? UNKNOWN;
}
