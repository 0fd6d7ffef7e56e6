import type { Front } from "../core/release.ts";
import { keyRules, keyTables, matching, numberRules, SOURCE } from "./access.ts";
import { failures, refuse } from "./answers.ts";
import { corsRules } from "./cors.ts";
import { countsTokens, moreRules } from "./more.ts";
import { backendName, HOME, keptOf, type ServiceState } from "./state.ts";
import { tokenRules, TOKENS_FILTER } from "./tokens.ts";
import { aloneRules, inTraffic, serverOptions } from "./traffic.ts";

/** What can be copied of a request and of its answer: with base64 a datagram holds both, and the request's headers. */
const COPIED_BYTES = 11_000;
const COPIED_HEADERS = 16_000;
/** Where the keeper takes copies, as datagrams. */
const COPIES_PORT = 9997;
/** Requests that may wait where only `concurrency` is set. */
const QUEUE = 64;

/** A service's part of HAProxy's configuration. */
export function backend(service: ServiceState): string {
  const release = keptOf(service, service.current)?.release;
  const { limits, front } = release?.settings ?? {};
  const name = backendName(service.service);
  return [
    `backend ${name}`,
    `  balance ${balance(service)}`,
    `  timeout server ${limits?.timeoutMs ?? 60_000}ms`,
    `  timeout queue ${limits?.timeoutMs ?? 30_000}ms`,
    ...failures(limits ?? {}, front?.timeouts !== undefined),
    ...(countsTokens(service) ? [TOKENS_FILTER] : []),
    // A request that ends its replica is not to end all of them: what may change something is sent again once.
    "  http-request set-retries 1 if !{ method GET HEAD OPTIONS }",
    ...prefixRules(service),
    ...Object.entries(front?.timeouts ?? {}).map(
      ([path, ms]) => `  http-request set-timeout server ${ms}ms if { ${matching(path)} }`,
    ),
    ...corsRules(front),
    ...numberRules(front),
    ...keyRules(service, front),
    ...rateRules(service, front),
    ...tokenRules(service.service, front),
    ...bodyRules(front),
    ...aloneRules((front?.once ?? []).map(matching)),
    ...queueRules(name, limits?.concurrency, front),
    ...copyRules(service),
    ...moreRules(service),
    "  http-response set-header x-dray-release %[srv_name,field(1,.)]",
    "  http-response set-header server-timing queue;dur=%[req.timer.queue],model;dur=%[res.timer.hdr] if { var(txn.timing) -m found }",
    ...inTraffic(service).map(
      ({ kept, server, weight }) =>
        `  server ${server.name} ${server.address}${serverOptions(kept.release)}${weight === undefined ? "" : ` weight ${weight}`}`,
    ),
    "",
    ...(front?.rate === undefined ? [] : [rateTable(service, front.rate)]),
    ...keyTables(service),
  ].join("\n");
}

/**
 * Counting connections does not keep to weights where requests are few: two idle servers are equals to it. With one
 * server there is nothing to count.
 */
function balance(service: ServiceState): string {
  return service.candidate === undefined && inTraffic(service).length > 1 ? "leastconn" : "roundrobin";
}

/** The release sees its own paths; all rules that follow are about those. */
function prefixRules({ prefix }: ServiceState): string[] {
  if (prefix === undefined) return [];
  return [
    `  http-request set-header x-forwarded-prefix ${prefix}`,
    `  http-request replace-path ^${prefix.replaceAll(".", "[.]")}/?(.*) /\\1`,
  ];
}

const tableName = (service: string): string => `r_${service}`;

function rateTable(service: ServiceState, rate: NonNullable<Front["rate"]>): string {
  return [
    `backend ${tableName(service.service)}`,
    `  stick-table type string len 64 size 100k expire ${rate.perMs * 2}ms store http_req_rate(${rate.perMs}ms)`,
    "",
  ].join("\n");
}

/** Each key, or where there is none each address, has the rate for itself. */
function rateRules(service: ServiceState, front: Front | undefined): string[] {
  if (front?.rate === undefined) return [];
  const { count, perMs } = front.rate;
  return [
    // Where there is no caller the first does nothing, and where there is one the second.
    `  http-request track-sc0 var(txn.caller) table ${tableName(service.service)}`,
    `  http-request track-sc0 ${SOURCE} table ${tableName(service.service)}`,
    `  ${refuse({ status: 429, title: "too many requests from you", limit: "rate" }, { "retry-after": String(Math.ceil(perMs / 1000)) })} if { sc_http_req_rate(0) gt ${count} }`,
  ];
}

/** Less than HAProxy's buffer holds of a request beside what it keeps free: more than this is a body whose end is not in sight. */
const SEEN_WHOLE = 44_000;

function bodyRules(front: Front | undefined): string[] {
  // Who sends slowly waits here, and holds no replica; a body larger than HAProxy's buffer goes on when that is full.
  if (front?.body === undefined)
    return ["  http-request wait-for-body time 30s if { req.hdr(content-length) -m found }"];
  const tooLarge = refuse({ status: 413, title: `a body of at most ${front.body} bytes`, limit: "limits.body" });
  const unsaid = "{ var(txn.head) -m found }";
  return [
    `  ${tooLarge} if { req.body_size gt ${front.body} }`,
    "  http-request set-var(txn.head) req.hdrs,length if !{ req.hdr(content-length) -m found }",
    "  http-request wait-for-body time 30s",
    // Chunked: its length is known when it has come whole; what does not fit into the buffer would go past the limit.
    `  ${tooLarge} if ${unsaid} { req.body_len gt ${front.body} }`,
    `  ${refuse({ status: 411, title: "a large body has to say its length", limit: "limits.body" })} if ${unsaid} { req.body_len,add(txn.head) gt ${SEEN_WHOLE} }`,
  ];
}

function queueRules(name: string, concurrency: number | undefined, front: Front | undefined): string[] {
  if (concurrency === undefined) return [];
  return [
    `  ${refuse({ status: 429, title: "busy: every replica has its hands full", limit: "limits.queue" }, { "retry-after": "1" })} if { queue(${name}) ge ${front?.queue ?? QUEUE} }`,
  ];
}

/** Does the keeper get copies of a service's requests, for a shadow or to be kept? */
export function isCopied(service: ServiceState): boolean {
  return service.shadow !== undefined || keepShare(service) !== undefined;
}

/** Share of the requests that are kept, in percent. */
function keepShare(service: ServiceState): number | undefined {
  return keptOf(service, service.current)?.release.settings.requests?.share;
}

/** Of a sampled request the edge tells the keeper what was asked and answered, in a datagram: it waits for nobody. */
function copyRules(service: ServiceState): string[] {
  if (!isCopied(service)) return [];
  const copied = "{ var(txn.copy) -m found }";
  const sampled = (variable: string, share: number | undefined): string[] =>
    share === undefined
      ? []
      : [
          `  http-request set-var(txn.${variable}) str(1) if { rand(10000) lt ${Math.round(share * 100)} } { req.body_size lt ${COPIED_BYTES} } { req.hdrs,length lt ${COPIED_HEADERS} }`,
          `  http-request set-var(txn.copy) str(${service.service}) if { var(txn.${variable}) -m found }`,
        ];
  return [
    ...sampled("shadow", service.shadow?.share),
    ...sampled("keep", keepShare(service)),
    `  http-request set-var(txn.path) pathq,base64 if ${copied}`,
    `  http-request set-var(txn.hdrs) req.hdrs,base64 if ${copied}`,
    `  http-request set-var(txn.body) req.body,base64 if ${copied}`,
    `  http-response wait-for-body time 1s if ${copied} { res.hdr(content-length) -m int lt ${COPIED_BYTES} }`,
    `  http-response set-var(txn.answer) res.body,base64 if ${copied} { res.hdr(content-length) -m int lt ${COPIED_BYTES} }`,
    `  http-response do-log if ${copied} { var(txn.answer) -m found }`,
  ];
}

/** Where the keeper takes the access log: a socket, which nobody else on the machine's network can write to. */
const LOG_SOCKET = `${HOME}/access.sock`;

/**
 * The access log. Where there is a keeper it empties a ring in HAProxy's memory, many lines at once; a write for each
 * line to standard output, which the engine reads, costs more than half of what a core can do.
 */
export function logConfig(keeper: string | undefined, copying: boolean): { log: string; sections: string } {
  if (keeper === undefined) return { log: "  log stdout format raw local0", sections: "" };
  const ring = `
ring access
  format raw
  maxlen 4096
  size 4194304
  timeout connect 5s
  timeout server 10s
  server keeper unix@${LOG_SOCKET} log-proto legacy
`;
  if (!copying) return { log: "  log ring@access len 4096 format raw local0", sections: ring };
  return {
    log: `  log ring@access len 4096 format raw profile access local0\n  log ${keeper}:${COPIES_PORT} len 65535 format raw profile copies local1`,
    sections: `${ring}
log-profile access
  on http-res drop

log-profile copies
  on http-res format "copy %[var(txn.copy)] %[var(txn.shadow)] %[var(txn.keep)] %s %ID %HM %ST %Tr %[var(txn.path)] %[var(txn.hdrs)] %[var(txn.body)] %[var(txn.answer)]"
  on any drop
`,
  };
}
