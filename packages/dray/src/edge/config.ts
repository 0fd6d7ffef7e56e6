import { refuse, ROOM, unreadableFiles, unreadableLines } from "./answers.ts";
import { backend, isCopied, logConfig } from "./backend.ts";
import { countsTokens, isToldMore, MORE } from "./more.ts";
import { frontend } from "./frontend.ts";
import { file } from "./script.ts";
import { adminSocket, backendName, type EdgeState, isUsed, keptOf, type ServiceState } from "./state.ts";
import { tokensFiles, TOKENS_GLOBAL } from "./tokens.ts";
import { inTraffic, serverOptions } from "./traffic.ts";
import { LEFT_FILE } from "./workers.ts";

/**
 * `option httplog` (HAProxy's manual, 8.2.3) but for the query: keys and people's data are in it, and a log is kept. Behind
 * it the request's id and the caller's name.
 */
const logFormat = (more: string): string =>
  `"%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs \\"%HM %HPO %HV\\" ${more}%ID %[var(txn.caller)]"`;

/**
 * Where the container lets it (an older dray's does not), what talks to the world is nobody: it has opened its ports and
 * read its files when it lets go of its rights. Its master stays who it is, to start the next one.
 */
export const EDGE_USER = { variable: "DRAY_EDGE_USER", uid: 99 };
const OWN_USER = `.if defined(${EDGE_USER.variable})
  uid ${EDGE_USER.uid}
  gid ${EDGE_USER.uid}
.endif`;

/** The same of what could not be read as HTTP: the answer's status, and the id that all of these have. */
const ERROR_LOG_FORMAT =
  '"%ci:%cp [%t] %ft %ft/<NOSRV> -1/-1/-1/-1/-1 %ST 0 - - CR-- %ac/%fc/%bc/%sc/%rc 0/0 \\"<BADREQ>\\" unread -"';

function head(state: EdgeState): string {
  const copying = Object.values(state.services).some(isCopied);
  const { log, sections } = logConfig(state.keeper?.address, copying);
  return `# Written by dray. Changes made by hand are lost with the next deploy.
global
${OWN_USER}
${log}
  stats socket ipv4@127.0.0.1:9999 level admin expose-fd listeners
  stats socket ${adminSocket} mode 600 level admin
  # HAProxy computes maxconn from the files it may open.
  no strict-limits
  hard-stop-after 1h
${ROOM.join("\n")}
  # Bytes that a thread keeps of its buffers; less than what some dozens of requests hold goes through malloc each time.
  tune.memory.hot-size 12582912
  # By itself it is turned on where a turn of the event loop takes a millisecond: the edge would be slower when it has most to do.
  profiling.tasks off
${Object.values(state.services).some(countsTokens) ? `${TOKENS_GLOBAL.join("\n")}\n` : ""}${sections}
defaults
  mode http
  log global
  log-format ${logFormat(Object.values(state.services).some(isToldMore) ? MORE : "")}
  error-log-format ${ERROR_LOG_FORMAT}
  unique-id-format %[uuid]
  option dontlognull
  # A reload may otherwise reset an idle connection that a client is just about to use again (facts/haproxy.md).
  option idle-close-on-response
  # The answer of a language model takes a minute: a client that leaves takes its request with it, from the queue or from the
  # release, which is free for the next one. Without it only a stream ends, and what is awaited whole is computed for nobody.
  option abortonclose
  option redispatch
  retries 3
  retry-on conn-failure empty-response
  timeout connect 5s
  # Of a client that is to send or to take something; not while the release thinks.
  timeout client 60s
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout queue 30s
  timeout tunnel 1h
  default-server init-addr none
${isUsed(state) ? `${unreadableLines().join("\n")}\n` : ""}`;
}

/** Lines of bash that write the files which the configuration names, beside those of the services. */
export function namedFiles(): string[] {
  return [...unreadableFiles(), file(LEFT_FILE, ""), ...tokensFiles()];
}

/** The edge's whole configuration, from its state: the same state gives the same text. */
export function edgeConfig(state: EdgeState): string {
  const services = Object.values(state.services).toSorted((a, b) => a.service.localeCompare(b.service));
  return [head(state), frontend(state), ...services.map(backend), NOWHERE].join("\n");
}

const NOWHERE = `backend nowhere
  ${refuse({ status: 404, title: "no service here answers to this name and path" })}
`;

/**
 * What a change of release means for HAProxy's runtime API. Undefined: a change that only a reload can make
 * (a new service, another domain or timeout).
 */
export function switchCommands(before: EdgeState, after: EdgeState, service: string): string[] | undefined {
  const old = before.services[service];
  const next = after.services[service];
  if (old === undefined || next === undefined || skeleton(before) !== skeleton(after)) return undefined;
  const backendId = backendName(service);
  if (keptOf(next, next.current) === undefined) return undefined;
  // Weights that a trial set at run time would outlive it.
  if ((old.candidate === undefined) !== (next.candidate === undefined)) return undefined;
  const arriving = inTraffic(next);
  const staying = new Set(arriving.map(({ server }) => server.name));
  return [
    // A server may still be there from before (rolling back while it drains): adding it again is refused, and harmless.
    ...arriving.flatMap(({ kept, server: { name, address }, weight }) => [
      `add server ${backendId}/${name} ${address}${serverOptions(kept.release)}`,
      `set server ${backendId}/${name} addr ${address.replace(":", " port ")}`,
      ...(weight === undefined ? [] : [`set server ${backendId}/${name} weight ${weight}`]),
      `set server ${backendId}/${name} state ready`,
      `enable server ${backendId}/${name}`,
    ]),
    ...leaving(old, staying).map((name) => `set server ${backendId}/${name} state drain`),
  ];
}

/** Servers that get traffic and are to get none. */
function leaving(service: ServiceState, staying: ReadonlySet<string>): string[] {
  return inTraffic(service)
    .map(({ server }) => server.name)
    .filter((name) => !staying.has(name));
}

/**
 * What to do before a reload that takes a candidate off: connections that the HAProxy of before still holds would give
 * it their next request.
 */
export function beforeReload(before: EdgeState, after: EdgeState, service: string): string[] {
  const [old, next] = [before.services[service], after.services[service]];
  if (old?.candidate === undefined || next === undefined || old.current !== next.current) return [];
  const staying = new Set(inTraffic(next).map(({ server }) => server.name));
  return leaving(old, staying).map((name) => `set server ${backendName(service)}/${name} state drain`);
}

/** The configuration without its servers: what the runtime API cannot change. */
function skeleton(state: EdgeState): string {
  return edgeConfig(state)
    .split("\n")
    .filter((line) => !/^ {2}server (?!keeper )/.test(line))
    .join("\n");
}
