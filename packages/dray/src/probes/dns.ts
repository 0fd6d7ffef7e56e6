import dns from "node:dns/promises";
import { deadline, since, sleep } from "../base/clock.ts";
import type { Evidence } from "../core/evidence.ts";

/** The system's resolver may try for much longer; whoever waits wants to know now. */
const PATIENCE_MS = 4000;

/** Asks this computer's own resolver, as every client here does (hosts file included). */
export async function askName(
  host: string,
  signal: AbortSignal,
): Promise<Omit<NonNullable<Evidence["name"]>, "machine">> {
  const startedAt = performance.now();
  const late = sleep(PATIENCE_MS, deadline(PATIENCE_MS * 2, signal)).then(() => "late" as const);
  late.catch(() => undefined);
  const found = await Promise.race([lookUp(host), late]);
  const ms = since(startedAt);
  if (found === "late") return { a: [], aaaa: [], code: "ETIMEOUT", ms };
  if ("code" in found) return { a: [], aaaa: [], code: found.code, ms };
  const of = (family: number): string[] => [
    ...new Set(found.all.filter((each) => each.family === family).map((each) => each.address)),
  ];
  return { a: of(4), aaaa: of(6), ms };
}

async function lookUp(host: string): Promise<{ all: { address: string; family: number }[] } | { code: string }> {
  try {
    return { all: await dns.lookup(host, { all: true }) };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" };
  }
}

/** The IPv4 address that a name itself says, as sslip.io's and nip.io's do. */
export function addressInName(host: string): string | undefined {
  const found = /(?:^|[.-])(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})\.(?:sslip|nip)\.io$/.exec(host);
  return found === null ? undefined : found.slice(1, 5).join(".");
}
