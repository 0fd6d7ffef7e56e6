import { randomBytes } from "node:crypto";
import { readState, StateRefused } from "drayage-record";
import { Failure } from "../base/failure.ts";
import { EMPTY_STATE, type EdgeState, HOME } from "./state.ts";

export const GREETED = "--dray-greeted--";
export const STALE = "--dray-stale--";
const CONFIG = "--dray-config--";
/** Prints the state, and HAProxy's configuration. */
export const READ_STATE: string = `cat ${HOME}/state.json 2>/dev/null || cat ${HOME}/state.json.last 2>/dev/null
echo "${CONFIG}"; cat ${HOME}/haproxy.cfg`;

/** @throws Failure state.newer, state.unreadable */
export function parseState(said: string): { state: EdgeState; config: string } {
  const [state = "", config = ""] = said.split(CONFIG).map((part) => part.trim());
  return { state: state === "" ? EMPTY_STATE : stateIn(state), config };
}

function stateIn(text: string): EdgeState {
  try {
    // Its form was made sure of; the type says the same, and names the fields that are handed on as they are.
    return readState(text) as EdgeState;
  } catch (error) {
    if (!(error instanceof StateRefused)) throw error;
    throw error.why === "newer" ? newer(error) : unreadable(error);
  }
}

function newer(cause: StateRefused): Failure {
  return new Failure("state.newer", `the machine's state was written by a newer dray: ${cause.message}`, {
    hint: "upgrade this one, nothing was changed: dray upgrade says how",
    cause,
  });
}

function unreadable(cause: StateRefused): Failure {
  return new Failure("state.unreadable", `the machine's state is not as dray writes it: ${cause.message}`, {
    hint: `nothing was changed; the file is ${HOME}/state.json in the container dray-edge, and state.json.last beside it is the one before`,
    cause,
  });
}

export function next(before: EdgeState, change: (state: EdgeState) => EdgeState): EdgeState {
  return { ...change(before), rev: before.rev + 1 };
}

/** How a state's file begins: what tells one revision from another. */
function beginning(state: EdgeState): string {
  return `{"v":1,"rev":${state.rev},`;
}

/**
 * Lines that run while nobody else's do: what a command of the shell looks at is still so when it acts.
 * A holder that died is not waited for: what is done inside takes milliseconds.
 */
export function alone(lines: readonly string[]): string[] {
  const mutex = `${HOME}/mutex`;
  return [
    `for ((i = 0; i < 1000; i++)); do (set -C; echo $EPOCHSECONDS > ${mutex}) 2>/dev/null && break`,
    `  read -r since < ${mutex} 2>/dev/null && [ "$((EPOCHSECONDS - \${since:-EPOCHSECONDS}))" -gt 10 ] && rm -f ${mutex}; sleep 0.01; done 2>/dev/null`,
    ...lines,
    `rm -f ${mutex}`,
  ];
}

/** The same, and only when the state is still the one that was read. */
export function exclusively(read: EdgeState, lines: readonly string[]): string[] {
  return alone([
    `read -r now < ${HOME}/state.json`,
    `if [[ $now == '${beginning(read)}'* ]]; then`,
    ...lines,
    `else echo "${STALE}"; fi`,
  ]);
}

/** The new state, in place at once; the one before stays as the last good copy. */
export function writeState(state: EdgeState): string {
  const { v, rev, ...rest } = state;
  return [
    file("state.json.new", JSON.stringify({ v, rev, ...rest })),
    `cat ${HOME}/state.json > ${HOME}/state.json.last; sync ${HOME}/state.json.new ${HOME}/state.json.last 2>/dev/null`,
    `mv -f ${HOME}/state.json.new ${HOME}/state.json`,
  ].join("\n");
}

/** Writes a file in the volume. The text comes from us, but a delimiter nobody can guess costs nothing. */
export function file(name: string, content: string): string {
  const end = `END${randomBytes(8).toString("hex")}`;
  return `cat > ${HOME}/${name} <<'${end}'\n${content.trimEnd()}\n${end}`;
}

/** A bash function that sends one command to HAProxy's runtime API and prints the answer. */
export const ADMIN = `admin() { exec 5<>/dev/tcp/127.0.0.1/9999 && printf '%s\\n' "$1" >&5 && cat <&5; exec 5>&-; }`;

/**
 * A bash function that asks HAProxy's master: \`master COMMAND\`, and behind it the number of the process that is to do it,
 * where there is one. The master neither answers nor hangs up when that one ends at that moment, as those do that nobody is
 * connected to: what is gone is not waited for, and nothing for more than two seconds of silence; a reload, which reads
 * every certificate, for thirty.
 */
export const MASTER: string = `master() {
  local line code silent=0 most=20 end=quit
  [ "$1" != reload ] || { most=300; end=; }
  exec 6<>/dev/tcp/127.0.0.1/9998 && printf '%s\\n' "$1" $end >&6 || return
  while :; do
    IFS= read -r -t 0.1 line <&6; code=$?
    if [ $code = 0 ]; then printf '%s\\n' "$line"; silent=0
    elif [ $code -gt 128 ] && [ $((silent += 1)) -lt $most ] && [ -z "$2" -o -d "/proc/$2" ]; then printf '%s' "$line"
    else break; fi
  done
  exec 6>&-
}`;

/** Has HAProxy read its configuration, and prints what came of it. */
export const RELOAD: string = `${MASTER}\nmaster reload`;

export function expectReload(said: string): void {
  if (/Success=1/.test(said)) return;
  throw new Failure("edge.failed", "the edge did not take its new configuration", {
    hint: "the old configuration is still in force; this is a bug of dray: please report the lines below",
    details: said.trim().split("\n").slice(-6),
  });
}

/** Makes sure that the release that should get traffic does, and no other. */
export function expectTraffic(said: string, state: EdgeState, service: string): void {
  const up = parseServers(said)
    .filter((server) => server.takes)
    .map((server) => server.release);
  const { current, candidate } = state.services[service] ?? {};
  const wanted = new Set([current, candidate?.release]);
  if (current !== undefined && up.includes(current) && up.every((release) => wanted.has(release))) return;
  throw new Failure("edge.failed", `the edge gives traffic to ${up.join(", ") || "nobody"} instead of ${current}`, {
    hint: "run the same command again; dray logs --edge shows what HAProxy said",
  });
}

/** One server of HAProxy's, as it runs. */
export interface Server {
  name: string;
  release: string;
  /** `address:port`. */
  address: string;
  /** Does it get new requests? */
  takes: boolean;
  inFlight: number;
}

/** Reads `show servers state` (format 1: name in field 4, address 5, operational state 6, admin state 7, port 19) and `show servers conn`. */
export function parseServers(said: string): Server[] {
  const rows = said.split("\n").map((line) => line.trim().split(/\s+/));
  const used = new Map<string, number>();
  for (const row of rows) {
    const name = /^[\w-]+\/(\S+)$/.exec(row[0] ?? "")?.[1];
    if (name !== undefined) used.set(name, Number(row[6] ?? 0));
  }
  return rows
    .filter((row) => row.length > 15 && /^\d+$/.test(row[0] ?? ""))
    .map((row) => {
      const name = row[3] ?? "";
      return {
        name,
        release: name.split(".")[0] ?? name,
        address: `${row[4]}:${row[18]}`,
        takes: row[5] === "2" && row[6] === "0",
        inFlight: used.get(name) ?? 0,
      };
    });
}
