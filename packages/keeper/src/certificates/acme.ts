import { createHash } from "node:crypto";
import https from "node:https";
import { isIP } from "node:net";
import path from "node:path";
import tls from "node:tls";
import acme from "acme-client";
import { deadline, orAborted } from "drayage-clock";
import { readIfThere, replaceFile } from "../status.ts";
import type { CertificateWish } from "../wish.ts";
import { Refused } from "./refused.ts";

/** Answers to HTTP-01 challenges (RFC 8555, 8.3), by token: what the keeper's server says. */
export type Challenges = Map<string, string>;

/** For one answer of a CA's, and for all of an order: a CA may take minutes to look whether a name leads here. */
const ANSWER_MS = 60_000;
const ORDER_MS = 900_000;

interface Problem {
  type?: string;
  detail?: string;
}

// acme-client keeps only the words of a problem; the kind, and how long to wait, are in the answer.
let last: Problem & { waitMs?: number } = {};
acme.axios.interceptors.response.use((response) => {
  const { type, detail } = (response.data ?? {}) as Problem;
  const wait = Number(response.headers["retry-after"] ?? Number.NaN) * 1000;
  if (response.status >= 400)
    last = {
      ...(type === undefined ? {} : { type }),
      ...(detail === undefined ? {} : { detail }),
      ...(Number.isFinite(wait) ? { waitMs: wait } : {}),
    };
  return response;
});
// One that takes a connection and says nothing would keep every other host from its certificate.
acme.axios.defaults.timeout = ANSWER_MS;
// It would sit out a rate limit of hours in silence.
(acme.axios.defaults as unknown as { acmeSettings: { retryMaxAttempts: number } }).acmeSettings.retryMaxAttempts = 0;

/** Where accounts are kept and challenges are answered; and for how long, where that is not as usual. */
interface Place {
  home: string;
  challenges: Challenges;
  withinMs?: number;
}

type Wanted = Parameters<acme.Client["createOrder"]>[0];

/**
 * Gets a certificate for one host from an ACME CA; one at a time. Resolves to key and chain, PEM.
 * @throws Refused, with what the CA said
 */
export async function order(
  host: string,
  wish: CertificateWish,
  { home, challenges, withinMs = ORDER_MS }: Place,
): Promise<string> {
  last = {};
  using limit = deadline(withinMs);
  try {
    return await orAborted(askFor(host, wish, home, challenges), limit.signal);
  } catch (error) {
    if (error instanceof Refused) throw error;
    if (limit.signal.aborted)
      throw new Refused("", `the CA gave none within ${Math.round(withinMs / 1000)} s`, { cause: error });
    const message = last.detail ?? (error instanceof Error ? error.message : String(error));
    throw new Refused(kindOf(last), message, { cause: error, waitMs: last.waitMs });
  }
}

const kindOf = (problem: Problem): string => problem.type?.split(":").at(-1) ?? "";

async function askFor(host: string, wish: CertificateWish, home: string, challenges: Challenges): Promise<string> {
  const directoryUrl = wish.directory ?? acme.directory.letsencrypt.production;
  // One order at a time: whom one host trusts, the next one need not.
  const { ca } = wish;
  acme.axios.defaults.httpsAgent =
    ca === undefined ? undefined : new https.Agent({ ca: [...tls.rootCertificates, ca] });
  const accountKey = await accountKeyOf(directoryUrl, wish.email, home);
  const client = new acme.Client({ directoryUrl, accountKey, backoffMin: 1000, backoffMax: 10_000 });
  await client.createAccount({
    termsOfServiceAgreed: true,
    ...(wish.email === undefined ? {} : { contact: [`mailto:${wish.email}`] }),
  });
  const type = isIP(host) === 0 ? "dns" : "ip";
  // RFC 8738 for addresses; profiles are draft-ietf-acme-profiles, of which acme-client's types do not know.
  const profile = type === "ip" ? "shortlived" : "tlsserver";
  const wanted: Wanted & { profile?: string } = {
    identifiers: [{ type, value: host }],
    ...((await offers(directoryUrl, profile)) ? { profile } : {}),
  };
  const ordered = await client.createOrder(wanted);
  for (const authorization of await client.getAuthorizations(ordered)) {
    if (authorization.status !== "valid") await prove(client, ordered, authorization, challenges);
  }
  const [key, csr] = await acme.crypto.createCsr({ altNames: [host] }, await acme.crypto.createPrivateEcdsaKey());
  const final = await client.finalizeOrder(ordered, csr);
  const chain = await client.getCertificate(final);
  return `${String(key).trim()}\n${chain.trim()}\n`;
}

/** The account's key: made once for a CA and an address of mail, and kept. */
async function accountKeyOf(directory: string, email: string | undefined, home: string): Promise<string> {
  const id = createHash("sha256")
    .update(`${directory} ${email ?? ""}`)
    .digest("hex")
    .slice(0, 12);
  const file = path.join(home, `acme-account-${id}.pem`);
  const known = await readIfThere(file);
  if (known !== undefined) return known;
  const key = String(await acme.crypto.createPrivateEcdsaKey());
  await replaceFile(file, key, 0o600);
  return key;
}

async function offers(directoryUrl: string, profile: string): Promise<boolean> {
  const { data } = await acme.axios.get<{ meta?: { profiles?: Record<string, string> } }>(directoryUrl);
  return data.meta?.profiles?.[profile] !== undefined;
}

/** Shows the CA that the host leads here. @throws Refused */
async function prove(
  client: acme.Client,
  ordered: acme.Order,
  authorization: acme.Authorization,
  challenges: Challenges,
): Promise<void> {
  const challenge = authorization.challenges.find((each) => each.type === "http-01");
  if (challenge === undefined) throw new Refused("unsupported", "the CA offers no HTTP-01 challenge for it");
  challenges.set(challenge.token, await client.getChallengeKeyAuthorization(challenge));
  try {
    await client.completeChallenge(challenge);
    await client.waitForValidStatus(challenge);
  } catch (error) {
    const told = (await client.getAuthorizations(ordered))
      .flatMap((each) => each.challenges)
      .map((each): Problem | undefined => each.error)
      .find((problem) => problem?.detail !== undefined);
    if (told?.detail === undefined) throw error;
    throw new Refused(kindOf(told), told.detail, { cause: error });
  } finally {
    challenges.delete(challenge.token);
  }
}
