import { ARCHIVE } from "../../recipes/debian/archive.ts";
import { reasonOf } from "../../recipes/reason.ts";
import { fails, type Finding, passes, unanswered } from "./finding.ts";

/** Tokens and certificates are refused by a clock that is further off. */
const MOST_SKEW_MS = 60_000;

/** The way out, and the clock: the archive that parts of images come from says what time it is. */
export async function askClock(signal: AbortSignal): Promise<Finding> {
  const askedAt = Date.now();
  try {
    const answer = await fetch(`${ARCHIVE}/`, { method: "HEAD", signal });
    return clockFinding(answer.headers.get("date"), askedAt, Date.now());
  } catch (error) {
    signal.throwIfAborted();
    return unanswered("clock", `${new URL(ARCHIVE).host} does not answer: ${reasonOf(error)}`, wayOut(process.env));
  }
}

/** Compares this clock with a server's, whose answer was written between two readings of ours. */
export function clockFinding(date: string | null, askedAt: number, answeredAt: number): Finding {
  const theirs = Date.parse(date ?? "");
  if (Number.isNaN(theirs)) return unanswered("clock", "the server does not say what time it is", "date -u");
  // The header has whole seconds.
  const skew = Math.max(askedAt - (theirs + 999), theirs - answeredAt, 0);
  if (skew <= MOST_SKEW_MS) return passes("clock", `${new Date(answeredAt).toISOString()}, as the server says`);
  const seconds = Math.round(skew / 1000);
  return fails(
    "clock",
    `${seconds} s ${theirs > answeredAt ? "behind" : "ahead"}: tokens and certificates may be refused`,
    "set it by the network: sudo timedatectl set-ntp true",
  );
}

const NAMES = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/** Is there a proxy, and does this Node go through it? */
export async function askProxy(): Promise<Finding> {
  return await Promise.resolve(proxyFinding(process.env));
}

export function proxyFinding(env: NodeJS.ProcessEnv): Finding {
  const name = proxyIn(env);
  if (name === undefined) return passes("proxy", "none is set");
  const said = `${name}=${withoutLogin(env[name] ?? "")}`;
  if (env["NODE_USE_ENV_PROXY"] === "1") return passes("proxy", said);
  return unanswered("proxy", `${said}: npm and gcloud use it, and Node does not by itself`, wayOut(env));
}

const proxyIn = (env: NodeJS.ProcessEnv): string | undefined => NAMES.find((name) => (env[name] ?? "") !== "");

function wayOut(env: NodeJS.ProcessEnv): string {
  if (proxyIn(env) !== undefined) return "with Node 24 or newer: export NODE_USE_ENV_PROXY=1";
  return "connect this computer, or set HTTPS_PROXY where there is a proxy; DRAY_DEBIAN_ARCHIVE names a mirror";
}

/** A proxy's address may carry a password. */
function withoutLogin(address: string): string {
  return address.replace(/\/\/[^/@]*@/, "//***@");
}
