import type { Front } from "../core/release.ts";
import { refuse } from "./answers.ts";
import { isClosed } from "./keys.ts";
import { HOME, keysFile, type ServiceState } from "./state.ts";

/** A path as HAProxy matches it; one that ends in `*` means all below it. */
export function matching(path: string): string {
  return path.endsWith("*") ? `path_beg ${path.slice(0, -1)}` : `path ${path}`;
}

/** Where a client comes from: an IPv4 address, or the network that a provider gives to one IPv6 client. */
export const SOURCE = "src,ipmask(32,64)";

/**
 * What a release says of itself to a Prometheus is for nobody outside, unless the manifest opens it: in whatever spelling
 * a framework may take for that path.
 */
export function numberRules(front: Front | undefined): string[] {
  if (front?.open?.includes("/metrics") === true) return [];
  const hidden = refuse({ status: 404, title: "the numbers are not public" });
  const named = "{ path,url_dec,url_dec -m sub -i metrics }";
  const spelled = "path,url_dec,url_dec -m";
  return [
    `  ${hidden} if ${named} { ${spelled} reg -i ^[/\\\\\\\\]*(\\.dray[/\\\\\\\\]+)?metrics([^a-z0-9_-]|$) }`,
    // A path that leads elsewhere on its way.
    `  ${hidden} if ${named} { ${spelled} sub .. // /./ /; '\\' }`,
  ];
}

/** Wrong keys of one source within a minute, above which it is told to wait. */
const WRONG_KEYS = 20;
const WRONG_MS = 60_000;

const wrongTable = (service: string): string => `w_${service}`;
const rightTable = (service: string): string => `g_${service}`;

/** Counts wrong keys by source, and remembers which caller came from where with a right one. */
export function keyTables(service: ServiceState): string[] {
  if (!isClosed(service)) return [];
  return [
    `backend ${wrongTable(service.service)}\n  stick-table type ipv6 size 100k expire ${WRONG_MS}ms store gpc0_rate(${WRONG_MS}ms)\n`,
    `backend ${rightTable(service.service)}\n  stick-table type string len 96 size 100k expire 1h\n`,
  ];
}

/** A caller shows its key; the edge knows only the key's SHA-256, and the release is told the caller's name. */
export function keyRules(service: ServiceState, front: Front | undefined): string[] {
  if (!isClosed(service)) return [];
  const hash = "sha2(256),hex,lower";
  const caller = `map_str(${HOME}/${keysFile(service.service)})`;
  const open = openRules(front);
  const free = open.names.join(" or ");
  return [
    ...open.acls,
    "  acl free var(txn.free) -m found",
    ...(free === "" ? [] : [`  http-request set-var(txn.free) bool(true) if ${free}`]),
    "  acl known var(txn.caller) -m found",
    "  acl shown http_auth_bearer -m found",
    "  acl shown req.hdr(x-api-key) -m found",
    "  acl shown var(txn.caller) -m found",
    // A connection's next request mostly shows the same key: its hash is known. Whose it is, is asked each time: a revoked
    // one is none at once. Who shows none, or another one, has nothing of the request before.
    "  acl same http_auth_bearer,secure_memcmp(sess.shown)",
    `  http-request set-var(txn.caller) var(sess.hash),${caller} if same`,
    `  http-request set-var(txn.caller) http_auth_bearer,set-var(sess.shown),${hash},set-var(sess.hash),${caller} if !known`,
    // The release has no use for a key of the edge's; the Authorization of who shows the key as X-API-Key is for the release.
    "  http-request del-header authorization if known",
    `  http-request set-var(txn.caller) req.hdr(x-api-key),${hash},${caller} if !known`,
    ...wrongRules(service.service),
    `  ${refuse({ status: 401, title: "show a key: Authorization: Bearer KEY", limit: "keys" }, { "www-authenticate": "Bearer" })} unless known or free`,
    "  http-request del-header x-api-key if known",
    // An open path is open for reading: no header may tell the release that it is something else.
    "  http-request del-header ^x[-_](http[-_])?method([-_]override)?$ -m reg if !known",
    "  http-request add-header x-dray-key %[var(txn.caller)] if known",
  ];
}

/**
 * A source that showed many wrong keys has to wait, before it is told whether the next one is right. Callers whose key was
 * right from there before are not held back by a neighbour behind the same address.
 */
function wrongRules(service: string): string[] {
  const [wrong, right] = [wrongTable(service), rightTable(service)];
  const often = `{ ${SOURCE},table_gpc0_rate(${wrong}) gt ${WRONG_KEYS} }`;
  const slow = refuse(
    { status: 429, title: "too many wrong keys from your address: wait a minute", limit: "keys" },
    { "retry-after": "60" },
  );
  return [
    "  http-request set-var(txn.from) src,concat(/,txn.caller) if known",
    `  ${slow} if shown !free ${often} !{ var(txn.from),in_table(${right}) }`,
    `  http-request track-sc2 var(txn.from) table ${right} if known`,
    // A key where none is needed is not looked at: it may be for the release.
    `  http-request track-sc1 ${SOURCE} table ${wrong} if shown !known !free`,
    "  http-request sc-inc-gpc0(1) if shown !known !free",
  ];
}

/** Which requests need no key: those that read an open path, and those that post to one that was opened for that. */
function openRules(front: Front | undefined): { acls: string[]; names: string[] } {
  const reads = (front?.open ?? []).map((path) => `  acl open ${matching(path)}`);
  const posts = (front?.openPosts ?? []).map((path) => `  acl posted ${matching(path)}`);
  return {
    acls: [
      // A path that a framework may read as another one is open to nobody.
      "  acl odd path,lower -m sub .. %2e %2f %5c %00 %25 // ; '\\'",
      ...(reads.length > 0
        ? ["  acl reading method GET HEAD", "  acl upgrading req.hdr(upgrade) -m found", ...reads]
        : []),
      ...(posts.length > 0 ? ["  acl posting method POST", ...posts] : []),
    ],
    names: [
      ...(reads.length > 0 ? ["open reading !upgrading !odd"] : []),
      ...(posts.length > 0 ? ["posted posting !odd"] : []),
    ],
  };
}
