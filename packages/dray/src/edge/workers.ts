import { isClosed } from "./keys.ts";
import { MASTER } from "./script.ts";
import { backendName, type EdgeState, HOME, isUsed } from "./state.ts";

/**
 * A reload leaves the HAProxy of before behind for as long as clients hold connections to it, and it knows nothing of
 * what is changed after it: keys that are revoked, a release that is switched to. So it is told that it is left, and hands
 * on whatever it is still asked to the newest one, which listens for that on its loopback.
 */
const LEFT = `${HOME}/left.map`;
const ONWARD = { http: 9996, https: 9995 };
const isLeft = "{ var(txn.left) -m found }";

/** The name of the file that says whether a HAProxy is left, and what is in it when one starts: nothing. */
export const LEFT_FILE = "left.map";

/** Where the newest HAProxy takes what others hand on; a caller's own address comes with it. */
export function onwardBinds(state: EdgeState): string[] {
  if (!isUsed(state)) return [];
  return [
    `  bind 127.0.0.1:${ONWARD.http} accept-proxy name onward`,
    ...(state.tls === undefined ? [] : [`  bind 127.0.0.1:${ONWARD.https} accept-proxy name onward-tls`]),
  ];
}

/** Rules before all others: where a HAProxy is left, none of them is for it. */
export function onwardRules(state: EdgeState): string[] {
  if (!isUsed(state)) return [];
  return [
    `  http-request set-var(txn.left) str(left),map_str(${LEFT})`,
    `  http-request set-log-level silent if ${isLeft}`,
    `  http-request allow if ${isLeft}`,
    `  http-after-response allow if ${isLeft}`,
  ];
}

/** The first routes. */
export function onwardRoutes(state: EdgeState): string[] {
  if (!isUsed(state)) return [];
  return [
    ...(state.tls === undefined ? [] : [`  use_backend onward-tls if ${isLeft} { ssl_fc }`]),
    `  use_backend onward if ${isLeft}`,
  ];
}

/** How long what is handed on may take: the newest HAProxy minds the limits. */
const PATIENCE = "1h";

export function onwardBackends(state: EdgeState): string[] {
  if (!isUsed(state)) return [];
  const backend = (name: string, port: number): string[] => [
    `backend ${name}`,
    `  timeout server ${PATIENCE}`,
    // Each connection says whose it is; and what was begun is never begun a second time from here.
    "  http-reuse never",
    "  retry-on conn-failure",
    `  server newest 127.0.0.1:${port} send-proxy-v2`,
    "",
  ];
  return [...backend("onward", ONWARD.http), ...(state.tls === undefined ? [] : backend("onward-tls", ONWARD.https))];
}

/** And a HAProxy by its number. */
const LEFT_ONE = `left() { master "@!$pid $1" "$pid"; }`;

/** Lines of bash that do something with each HAProxy that a reload left behind: \`left COMMAND\` asks it. */
function forEachLeft(act: string): string {
  return `${MASTER}
${LEFT_ONE}
old=; while read -r pid kind _; do
  case "$pid $kind" in "# old") old=yes;; *" worker") [ -z "$old" ] || ${act};; esac
done <<< "$(master 'show proc')"`;
}

/** Lines of bash that tell every HAProxy that is left that it is. */
export const HAND_ON: string = forEachLeft(`left 'add map ${LEFT} left 1'`);

/** Is somebody shut out who could call before? */
export function shutsOut(before: EdgeState, after: EdgeState, service: string): boolean {
  const [old, next] = [before.services[service], after.services[service]];
  if (old === undefined || next === undefined || !isClosed(next)) return false;
  const left = new Set(Object.values(next.keys ?? {}).map((key) => key.sha256));
  return !isClosed(old) || Object.values(old.keys ?? {}).some((key) => !left.has(key.sha256));
}

/**
 * Lines of bash that end a service's WebSockets and other tunnels, in every HAProxy: a key is asked for when one begins, and
 * whose it was nobody can tell later. Callers whose key is still one connect again.
 */
export function endTunnels(service: string): string {
  const name = backendName(service);
  // Neither side of a tunnel is looked into any more (\`an=00h\`).
  return `tunnels() { while read -r id rest; do
  case $rest in *'an=00h,ax=] rp['*'an=00h,ax='*) "$1" "shutdown session \${id%:}";; esac
done <<< "$("$1" 'show sess backend ${name}')"; }
tunnels admin
${forEachLeft("tunnels left")}`;
}
