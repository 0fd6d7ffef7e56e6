import type { Listener } from "../core/evidence.ts";

/** Docker's embedded DNS listens on 127.0.0.11 in every container of a user network: not the application's. */
const DOCKER_DNS = "0B00007F";

/** Reads /proc/net/tcp and tcp6: sockets in state 0A (LISTEN), addresses in hex, the port big endian. */
export function parseListeners(said: string): Listener[] {
  const rows = said.split("\n").map((line) => line.trim().split(/\s+/));
  const found = rows
    .filter((row) => row[3] === "0A" && !row[1]?.startsWith(DOCKER_DNS))
    .map((row) => {
      const [address = "", port = "0"] = (row[1] ?? "").split(":");
      // 127.0.0.0/24, also as an IPv4 address in IPv6's clothes; or ::1.
      const loopback = address.endsWith("00007F") || address === "00000000000000000000000001000000";
      return { port: Number.parseInt(port, 16), loopback };
    });
  return found.filter(
    (each, index) => found.findIndex((other) => other.port === each.port && other.loopback === each.loopback) === index,
  );
}

/** What was read of them; undefined where they could not be read: each such file begins with the names of its columns. */
export function readListeners(said: string): Listener[] | undefined {
  return /^\s*sl\s+local_address/m.test(said) ? parseListeners(said) : undefined;
}

/** Lines of shell that print what the process with this id listens on; any user may read that. */
export function listenersScript(pid: number): string {
  return `cat /proc/${pid}/net/tcp /proc/${pid}/net/tcp6 2>/dev/null`;
}
