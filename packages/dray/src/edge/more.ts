import type { Settings } from "../core/release.ts";
import { keptOf, type ServiceState } from "./state.ts";

/** What the access log says beside the usual, in one word before the request's id: gRPC's status, when a stream began, ids of a trace, and tokens. */
export const MORE = "%[var(txn.grpc)]/%[var(txn.first)]/%[var(txn.told)]/%[var(txn.tokens)] ";

/** Is there more to say of one of its releases? */
export function isToldMore(service: ServiceState): boolean {
  return isGrpc(service) || countsTokens(service) || otelOf(service) !== undefined;
}

/** Are the tokens of its answers counted? */
export function countsTokens(service: ServiceState): boolean {
  return streams(service) || some(service, ({ front }) => front?.tokens !== undefined);
}

/** Lines of a service's backend that find out what there is to say. */
export function moreRules(service: ServiceState): string[] {
  return [
    ...traceRules(otelOf(service)),
    // What comes behind a body (trailers), HAProxy cannot read; who refuses at once says so in the head.
    ...(isGrpc(service) ? ["  http-response set-var(txn.grpc) res.hdr(grpc-status)"] : []),
    ...(streams(service) ? FIRST_RULES : []),
  ];
}

const isGrpc = (service: ServiceState): boolean => some(service, ({ protocol }) => protocol === "h2c");
const streams = (service: ServiceState): boolean => some(service, (settings) => settings.streams === true);

/** Is it so with a release that gets traffic? */
function some(service: ServiceState, is: (settings: Settings) => boolean): boolean {
  return [service.current, service.candidate?.release].some((id) => {
    const settings = id === undefined ? undefined : keptOf(service, id)?.release.settings;
    return settings !== undefined && is(settings);
  });
}

const STREAM = "{ res.hdr(content-type) -m beg text/event-stream }";
/** Longer than any first token: the server's own time-out ends it before. */
const FIRST_MS = 3_600_000;

/**
 * When the first bytes of a stream came, counted as HAProxy counts to the head of an answer. Many servers send the head at once and
 * think afterwards: it waits here for the first byte, and what follows waits for nothing.
 */
const FIRST_RULES: readonly string[] = [
  `  http-response set-var(txn.headed) date(0,ms) if ${STREAM}`,
  `  http-response set-var(txn.took) res.timer.hdr if ${STREAM}`,
  `  http-response wait-for-body time ${FIRST_MS}ms at-least 1 if ${STREAM}`,
  `  http-response set-var(txn.first) date(0,ms),sub(txn.headed),add(txn.took) if ${STREAM}`,
];

function otelOf(service: ServiceState): Settings["otel"] {
  return keptOf(service, service.current)?.release.settings.otel;
}

/**
 * The edge's own span: its parent is the caller's, where the caller says one as the W3C has it, else the trace begins here and is
 * called as the request is. The release gets the edge's as its parent. Whether a trace is sampled is the caller's word, or a share.
 */
function traceRules(otel: Settings["otel"]): string[] {
  if (otel === undefined) return [];
  return [
    "  acl traced req.hdr(traceparent) -m reg ^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    "  http-request set-var(txn.trace) req.hdr(traceparent),field(2,-) if traced",
    "  http-request set-var(txn.parent) req.hdr(traceparent),field(3,-) if traced",
    "  http-request set-var(txn.trace) unique-id,regsub(-,,g) unless traced",
    // The last two of a uuid's five parts: sixteen digits.
    "  http-request set-var(txn.span) uuid,field(4,-,2),regsub(-,,g)",
    "  http-request set-var(txn.sampled) str(1) if traced { req.hdr(traceparent) -m reg [13579bdf]$ }",
    `  http-request set-var(txn.sampled) str(1) if !traced { rand(10000) lt ${Math.round(otel.share * 100)} }`,
    "  http-request set-var-fmt(txn.told) %[var(txn.trace)]-%[var(txn.span)]-%[var(txn.parent)] if { var(txn.sampled) -m found }",
    "  http-request set-header traceparent 00-%[var(txn.trace)]-%[var(txn.span)]-01 if { var(txn.sampled) -m found }",
    "  http-request set-header traceparent 00-%[var(txn.trace)]-%[var(txn.span)]-00 unless { var(txn.sampled) -m found }",
  ];
}
