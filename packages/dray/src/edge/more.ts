import { keptOf, type ServiceState } from "./state.ts";

/** What the access log says beside the usual, in one word before the request's id: gRPC's status. */
export const MORE = "%[var(txn.grpc)]/-/- ";

/** Is there more to say of one of its releases? */
export function isToldMore(service: ServiceState): boolean {
  return isGrpc(service);
}

/** Lines of a service's backend that find out what there is to say. */
export function moreRules(service: ServiceState): string[] {
  // What comes behind a body (trailers), HAProxy cannot read; who refuses at once says so in the head.
  return isGrpc(service) ? ["  http-response set-var(txn.grpc) res.hdr(grpc-status)"] : [];
}

/** Does a release that gets traffic speak HTTP/2 alone? */
function isGrpc(service: ServiceState): boolean {
  const releases = [service.current, service.candidate?.release];
  return releases.some((id) => id !== undefined && keptOf(service, id)?.release.settings.protocol === "h2c");
}
