import { headRules, refuse } from "./answers.ts";
import { METRICS_CALLER } from "./keys.ts";
import { onwardBackends, onwardBinds, onwardRoutes, onwardRules } from "./workers.ts";
import {
  backendName,
  certificatesFile,
  type EdgeState,
  HOME,
  httpsMap,
  keptOf,
  keysFile,
  type ServiceState,
} from "./state.ts";

/** RFC 8555, 8.3: where a CA asks whether a name leads here. */
const CHALLENGE = "{ path_beg /.well-known/acme-challenge/ }";
const NUMBERS = "{ var(txn.numbers) -m found }";
const KEEPER_PORT = 8080;
const LONGEST_PATH = 512;
/** HSTS: a year, as every scanner wants it. */
const HSTS_S = 31_536_000;

const OURS =
  "^x[-_](dray[-_]|request[-_]id$|forwarded([-_]|$)|real[-_]ip$|client[-_]ip$|original[-_](url|uri|host|method|path)$|rewrite[-_](url|uri)$)";

/** What clients connect to: ports, TLS, and which service a request is for. */
export function frontend(state: EdgeState): string {
  const services = Object.values(state.services).toSorted((a, b) => a.service.localeCompare(b.service));
  // The longest path first: /loans/eu is not /loans. A name's own services come before those of every name.
  const routed = services
    .filter(({ domain, prefix }) => domain !== undefined || prefix !== undefined)
    .toSorted((a, b) => rank(b) - rank(a));
  const numbers = state.keeper === undefined ? [] : services.filter(({ keys }) => keys?.[METRICS_CALLER] !== undefined);
  const open = services.find(({ domain, prefix }) => domain === undefined && prefix === undefined);
  return [
    "frontend http",
    ...binds(state.port),
    ...onwardBinds(state),
    ...onwardRules(state),
    ...tlsLines(state.tls, services),
    ...headRules(),
    // A caller may write the whole URL: what stands before the path is no part of it, and for nobody behind the edge to read.
    "  http-request set-uri %[pathq] if { url -m reg -i ^[a-z][a-z0-9+.-]*: }",
    // `dray request` asks where the time went; nobody else is told.
    "  http-request set-var(txn.timing) req.hdr(x-dray-timing)",
    // What only we say, and what frameworks believe of a client's address, host and path; with underscores, too, which many
    // take for dashes. Where no name has the beginning of such a one in it, no header is held against the regular expression.
    `  http-request del-header ${OURS} -m reg if { req.hdr_names -m sub x- x_ }`,
    "  http-request del-header forwarded",
    "  http-request add-header x-forwarded-for %[src]",
    "  http-request add-header x-real-ip %[src]",
    "  http-request add-header x-forwarded-host %[req.hdr(host)] if { req.hdr(host) -m found }",
    "  http-request add-header x-forwarded-port %[dst_port]",
    ...(state.tls === undefined
      ? ["  http-request add-header x-forwarded-proto http"]
      : [
          "  http-request add-header x-forwarded-proto https if secure",
          "  http-request add-header x-forwarded-proto http unless secure",
        ]),
    // One id in the answer, in the release's hands and in both logs; a client's own would be anybody's.
    "  unique-id-header x-request-id",
    "  http-after-response set-header x-request-id %[unique-id]",
    // HAProxy wants every rule that changes a request before the first that says where it goes. Of two services that
    // share a key the one with the longer name is meant, as in the routes below.
    ...numbers.toSorted((a, b) => rank(a) - rank(b)).map(numbersRule),
    ...onwardRoutes(state),
    ...(state.keeper === undefined ? [] : [`  use_backend keeper if ${CHALLENGE}`]),
    ...(numbers.length === 0 ? [] : [`  use_backend keeper if ${NUMBERS}`]),
    ...routed.flatMap(routes),
    `  default_backend ${open === undefined ? "nowhere" : backendName(open.service)}`,
    "",
    ...onwardBackends(state),
    ...(state.keeper === undefined ? [] : keeperBackend(state.keeper.address)),
  ].join("\n");
}

/**
 * The keeper is asked a path and nothing else: a caller's authority, or a path of kilobytes, is not for it. A flood of
 * such requests waits here, and is turned away.
 */
function keeperBackend(address: string): string[] {
  return [
    "backend keeper",
    "  timeout server 30s",
    "  timeout queue 5s",
    `  ${refuse({ status: 414, title: `a path of at most ${LONGEST_PATH} bytes` })} if { pathq,length gt ${LONGEST_PATH} }`,
    "  http-request set-uri %[pathq]",
    // Whose key was shown is whose numbers are told, under whatever prefix they were asked for.
    `  http-request set-uri /.dray/metrics?service=%[var(txn.numbers)] if ${NUMBERS}`,
    `  server keeper ${address}:${KEEPER_PORT} maxconn 32`,
    "",
  ];
}

/** A socket for each family: one for both calls an IPv4 client `::ffff:192.0.2.1`, in the logs and to the release. */
function binds(port: number, also = ""): string[] {
  return [`  bind 0.0.0.0:${port}${also}`, `  bind :::${port} v6only${also}`];
}

const NAMED = 1_000_000;
const rank = ({ domain, prefix = "" }: ServiceState): number => prefix.length + (domain === undefined ? 0 : NAMED);

/** A prefix is the path itself, or all below it; never another word that begins so. */
function routes({ service, domain, prefix }: ServiceState): string[] {
  const host = domain === undefined ? "" : ` { req.hdr(host),host_only,lower -m str ${domain} }`;
  const use = `  use_backend ${backendName(service)} if${host}`;
  return prefix === undefined ? [use] : [`${use} { path ${prefix} }`, `${use} { path_beg ${prefix}/ }`];
}

/** HTTPS beside plain HTTP: hosts that have a certificate are sent on to it. */
function tlsLines(tls: number | undefined, services: readonly ServiceState[]): string[] {
  if (tls === undefined) return [];
  const port = tls === 443 ? "" : `:${tls}`;
  const strict = services.filter((service) => service.domain !== undefined && isStrict(service));
  return [
    ...binds(tls, ` ssl crt-list ${certificatesFile} alpn h2,http/1.1 ssl-min-ver TLSv1.2`),
    "  acl secure ssl_fc",
    "  acl secure so_name onward-tls",
    `  http-request redirect code 308 location https://%[req.hdr(host),host_only]${port}%[capture.req.uri] if !secure !${CHALLENGE} { req.hdr(host),host_only,lower,map_str(${httpsMap}) -m found }`,
    ...strict.map(
      ({ domain }) =>
        `  http-after-response set-header strict-transport-security max-age=${HSTS_S} if secure { capture.req.hdr(0),host_only,lower -m str ${domain} }`,
    ),
    ...(strict.length > 0 ? ["  capture request header host len 255"] : []),
  ];
}

/** A Prometheus is told the numbers of the service whose key called `metrics` it shows. */
function numbersRule({ service, domain, prefix }: ServiceState): string {
  const host = domain === undefined ? "" : ` { req.hdr(host),host_only,lower -m str ${domain} }`;
  const shown = `http_auth_bearer,sha2(256),hex,lower,map_str(${HOME}/${keysFile(service)})`;
  return `  http-request set-var(txn.numbers) str(${service}) if { path ${prefix ?? ""}/.dray/metrics }${host} { ${shown} -m str ${METRICS_CALLER} }`;
}

/** A name with a certificate by itself is one that browsers may insist on. */
function isStrict(service: ServiceState): boolean {
  return keptOf(service, service.current)?.release.settings.front?.hsts === true;
}
