import { mkdir } from "node:fs/promises";
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import path from "node:path";
import pLimit from "p-limit";
import type { Haproxy } from "../haproxy.ts";
import type { CertificateStatus, Problem } from "drayage-record";
import { readIfThere, replaceFile } from "../status.ts";
import type { CertificateWish } from "../wish.ts";
import { type Challenges, order } from "./acme.ts";
import { type Facts, factsOf, selfSigned } from "./pem.ts";
import { fixFor, Refused } from "./refused.ts";
import { type InForce, waitAfter } from "./retry.ts";

interface Entry {
  wish: CertificateWish;
  status: CertificateStatus;
  failures: number;
  /** Milliseconds of the clock. */
  nextAt: number;
  /** What HAProxy was given, by this keeper. */
  inForce?: string;
  /** Of that certificate. */
  facts?: Facts;
}

const LOOK_MS = 60_000;

/** Sees to it that every wanted host has a certificate that is in force, for ever. */
export class Certificates {
  readonly challenges: Challenges = new Map();
  readonly #home: string;
  readonly #haproxy: Haproxy;
  readonly #log: (text: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #oneByOne = pLimit(1);
  readonly #busy = new Set<string>();
  #prepared = false;

  constructor(home: string, haproxy: Haproxy, log: (text: string) => void) {
    this.#home = home;
    this.#haproxy = haproxy;
    this.#log = log;
  }

  /** Makes what HAProxy's configuration names: the list, and the certificate for whoever asks by no known name. */
  async prepare(): Promise<void> {
    if (this.#prepared) return;
    await mkdir(path.join(this.#home, "certs"), { recursive: true, mode: 0o700 });
    const first = this.#file("");
    if ((await readIfThere(first)) === undefined) await replaceFile(first, await selfSigned(), 0o600);
    if ((await readIfThere(this.#list)) === undefined) await this.#writeList();
    if ((await readIfThere(this.#map)) === undefined) await replaceFile(this.#map, "");
    this.#prepared = true;
  }

  statuses(): Record<string, CertificateStatus> {
    return Object.fromEntries([...this.#entries].map(([host, { status }]) => [host, status]));
  }

  /** Looks after what is wanted now. Resolves at once: orders go on beside. */
  async want(wishes: Record<string, CertificateWish>): Promise<void> {
    // Again, where a full disk did not let it the first time.
    await this.prepare();
    for (const host of this.#entries.keys()) if (wishes[host] === undefined) await this.#drop(host);
    for (const [host, wish] of Object.entries(wishes)) {
      const known = this.#entries.get(host);
      if (known === undefined || JSON.stringify(known.wish) !== JSON.stringify(wish))
        this.#entries.set(host, {
          ...known,
          wish,
          status: known?.status ?? { state: "pending" },
          failures: 0,
          nextAt: 0,
        });
      if (!this.#busy.has(host) && Date.now() >= (this.#entries.get(host)?.nextAt ?? 0)) this.#begin(host);
    }
  }

  #begin(host: string): void {
    this.#busy.add(host);
    void this.#oneByOne(() => this.#look(host))
      .catch((error: unknown) => this.#failed(host, error))
      .finally(() => this.#busy.delete(host));
  }

  async #look(host: string): Promise<void> {
    const entry = this.#entries.get(host);
    if (entry === undefined) return;
    const pem = (await readIfThere(this.#file(host))) ?? "";
    const facts = factsOf(pem);
    const good = facts?.names(host) === true ? facts : undefined;
    if (good !== undefined && entry.inForce !== pem) await this.#use(host, pem);
    // The user's own certificate is put in the volume by dray.
    if (entry.wish.directory === undefined) {
      if (good === undefined) throw new Refused("", `the certificate that was given does not stand for ${host}`);
      return await this.#valid(host, entry, good);
    }
    if (good !== undefined && Date.now() < renewAt(good)) return await this.#valid(host, entry, good);
    await checkName(host, entry.wish.address);
    this.#log(`asking ${new URL(entry.wish.directory).host} for a certificate for ${host}`);
    await this.#use(host, await order(host, entry.wish, { home: this.#home, challenges: this.challenges }));
  }

  async #use(host: string, pem: string): Promise<void> {
    const facts = factsOf(pem);
    const entry = this.#entries.get(host);
    if (facts === undefined || entry === undefined) throw new Error(`no certificate in what came for ${host}`);
    // On disk first: an edge that starts at this moment must find it.
    await replaceFile(this.#file(host), pem, 0o600);
    await this.#writeList();
    await this.#haproxy.useCertificate(this.#file(host), pem, this.#list);
    entry.inForce = pem;
    this.#log(`${host} has a certificate of ${facts.issuer} until ${facts.until.toISOString()}`);
    entry.failures = 0;
    await this.#valid(host, entry, facts);
  }

  async #valid(host: string, entry: Entry, facts: Facts): Promise<void> {
    entry.status = validity(facts);
    entry.facts = facts;
    const renewal = entry.wish.directory === undefined ? Number.POSITIVE_INFINITY : renewAt(facts);
    entry.nextAt = Math.min(renewal, Date.now() + LOOK_MS);
    await this.#redirect(host, true);
  }

  async #failed(host: string, error: unknown): Promise<void> {
    const entry = this.#entries.get(host);
    if (entry === undefined) return;
    entry.failures++;
    const refused = error instanceof Refused ? error : new Refused("", error instanceof Error ? error.message : "");
    entry.nextAt = Date.now() + waitAfter(entry.failures, refused, inForce(entry));
    const problem: Problem = {
      why: refused.message,
      fix: fixFor(host, entry.wish.address, refused),
      nextAt: new Date(entry.nextAt).toISOString(),
    };
    const { status } = entry;
    const lives = status.state === "valid" && Date.parse(status.until) > Date.now();
    entry.status = lives ? { ...status, problem } : { state: "failed", problem };
    this.#log(`no certificate for ${host}: ${problem.why}; next try ${problem.nextAt}`);
  }

  async #drop(host: string): Promise<void> {
    this.#entries.delete(host);
    await this.#redirect(host, false);
  }

  /** Whether plain HTTP is sent on to HTTPS: only hosts with a certificate are in the map. */
  async #redirect(host: string, on: boolean): Promise<void> {
    const map = this.#map;
    const before = (await readIfThere(map)) ?? "";
    const others = before.split("\n").filter((line) => line !== "" && line !== `${host} 1`);
    const after = [...others, ...(on ? [`${host} 1`] : [])].join("\n");
    if (after.trim() === before.trim()) return;
    await replaceFile(map, `${after}\n`);
    await this.#haproxy.ask(on ? `add map ${map} ${host} 1` : `del map ${map} ${host}`);
  }

  /** HAProxy's list of certificates; its first is for whoever names no host, as clients of a bare address do. */
  async #writeList(): Promise<void> {
    const hosts = [...this.#entries.keys()].filter((host) => isIP(host) === 0);
    const there = await Promise.all(
      hosts.map(async (host) => ((await readIfThere(this.#file(host))) === undefined ? [] : [this.#file(host)])),
    );
    await replaceFile(this.#list, `${[this.#file(""), ...there.flat()].join("\n")}\n`);
  }

  get #map(): string {
    return path.join(this.#home, "https.map");
  }

  get #list(): string {
    return path.join(this.#home, "certs.list");
  }

  #file(host: string): string {
    const name = host === "" || isIP(host) !== 0 ? "default" : host;
    return path.join(this.#home, "certs", `${name}.pem`);
  }
}

function inForce({ facts }: Entry): InForce | undefined {
  if (facts === undefined) return undefined;
  return { lifeMs: facts.until.getTime() - facts.from.getTime(), leftMs: facts.until.getTime() - Date.now() };
}

function validity(facts: Facts): CertificateStatus {
  return { state: "valid", until: facts.until.toISOString(), issuer: facts.issuer };
}

/** A third of its life before its end: 30 days of 90, 2 of 6. */
function renewAt({ from, until }: Facts): number {
  return until.getTime() - (until.getTime() - from.getTime()) / 3;
}

/** A name that leads nowhere is not worth one of the few tries that CAs allow. @throws Refused */
async function checkName(host: string, address: string | undefined): Promise<void> {
  if (isIP(host) !== 0) return;
  const resolver = new Resolver({ timeout: 1500, tries: 2 });
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  if (v4.status === "fulfilled" || v6.status === "fulfilled") return;
  const code = (v4.reason as NodeJS.ErrnoException).code ?? "";
  if (code !== "ENOTFOUND" && code !== "ENODATA") return;
  throw new Refused("unresolved", `${host} does not resolve: there is no record that leads to ${address ?? "here"}`);
}
