import dns from "node:dns/promises";
import { isIP } from "node:net";
import { since, within } from "drayage-clock";
import { run } from "../base/process.ts";
import type { Evidence } from "../core/evidence.ts";

/** The system's resolver may try for much longer; whoever waits wants to know now. */
const PATIENCE_MS = 3000;
const CODE_MS = 1000;

/** Asks this computer's own resolver, as every client here does (hosts file included). */
export async function askName(
  host: string,
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<Omit<NonNullable<Evidence["name"]>, "machine">> {
  const startedAt = performance.now();
  const all = process.platform === "linux" ? await byGetent(host, signal, patienceMs) : await byNode(host);
  const known = all ?? [];
  // Who did not come back in time has not said that there is none: a name of the hosts file is unknown to the name servers.
  const code = known.length > 0 ? {} : { code: all === undefined ? "ETIMEOUT" : await codeOf(host) };
  return {
    a: known.filter((address) => isIP(address) === 4),
    aaaa: known.filter((address) => isIP(address) === 6),
    ...code,
    ms: since(startedAt),
  };
}

/**
 * By a program of its own: a resolver that hangs could not be stopped in this process, nor would it let it end. Nothing
 * when it did not come back in time.
 */
async function byGetent(host: string, signal: AbortSignal, patienceMs: number): Promise<string[] | undefined> {
  try {
    const { stdout } = await within(patienceMs, signal, (limit) => run(["getent", "ahosts", host], { signal: limit }));
    return [...new Set(stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []))];
  } catch (error) {
    signal.throwIfAborted();
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? await byNode(host) : undefined;
  }
}

async function byNode(host: string): Promise<string[]> {
  const found = await dns.lookup(host, { all: true }).catch(() => []);
  return found.map((each) => each.address);
}

/** Why there is none: the name servers' own word (ENOTFOUND, ENODATA), or that they say nothing. */
async function codeOf(host: string): Promise<string> {
  const resolver = new dns.Resolver({ timeout: CODE_MS, tries: 1 });
  const code = await resolver.resolve4(host).then(
    () => "ENODATA",
    (error: unknown) => (error as NodeJS.ErrnoException).code ?? "EUNKNOWN",
  );
  return code === "ECONNREFUSED" || code === "ESERVFAIL" ? "EAI_AGAIN" : code;
}

/** The IPv4 address that a name itself says, as sslip.io's and nip.io's do. */
export function addressInName(host: string): string | undefined {
  const found = /(?:^|[.-])(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})\.(?:sslip|nip)\.io$/.exec(host);
  return found === null ? undefined : found.slice(1, 5).join(".");
}
