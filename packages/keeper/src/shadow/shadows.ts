import http from "node:http";
import path from "node:path";
import { type Answer, ask, type Question, type Replica } from "../ask.ts";
import { hostHeader } from "../host.ts";
import { replaceFile } from "../status.ts";
import type { ShadowWish } from "../wish.ts";
import type { Copy } from "./copy.ts";
import { Tally } from "./report.ts";

/** Requests that a release may have in hand; what comes on top is thrown away, so that a slow one never piles up. */
const AT_ONCE = 16;
const WRITE_MS = 1000;

interface Running {
  wish: ShadowWish;
  tally: Tally;
  inHand: number;
  next: number;
  writtenAt: number;
}

/** Sends copies of real requests to releases under test, compares the answers, and throws them away. */
export class Shadows {
  readonly #home: string;
  readonly #log: (text: string) => void;
  readonly #running = new Map<string, Running>();
  readonly #agent = new http.Agent({ keepAlive: true });

  constructor(home: string, log: (text: string) => void) {
    this.#home = home;
    this.#log = log;
  }

  /** Which releases get copies now. Reports of others are written a last time. */
  async want(wishes: Record<string, ShadowWish>): Promise<void> {
    for (const [service, running] of this.#running) {
      if (wishes[service]?.release === running.wish.release) continue;
      this.#log(`${running.wish.release} of ${service} gets no more copies`);
      await this.#write(service, running);
      this.#running.delete(service);
    }
    for (const [service, wish] of Object.entries(wishes)) {
      const running = this.#running.get(service);
      if (running === undefined) {
        this.#log(`${wish.release} of ${service} gets copies of ${wish.share} % of the requests`);
        const tally = new Tally(service, wish.release, wish.share);
        this.#running.set(service, { wish, tally, inHand: 0, next: 0, writtenAt: 0 });
      } else running.wish = wish;
    }
    for (const [service, running] of this.#running)
      if (performance.now() - running.writtenAt > WRITE_MS) await this.#write(service, running);
  }

  async #write(service: string, running: Running): Promise<void> {
    running.writtenAt = performance.now();
    await replaceFile(path.join(this.#home, `shadow-${service}.json`), JSON.stringify(running.tally.report()));
  }

  /** A copy that came. One that cannot be sent as it is says nothing of the release, and is not counted. */
  take(copy: Copy): void {
    const running = this.#running.get(copy.service);
    if (running === undefined || !copy.shadow || !isSendable(copy)) return;
    running.tally.copied++;
    if (running.inHand >= AT_ONCE * running.wish.servers.length) {
      running.tally.dropped++;
      return;
    }
    running.inHand++;
    void this.#compare(copy, running);
  }

  async #compare(copy: Copy, running: Running): Promise<void> {
    const answer = await this.#ask(copy, running).catch(() => undefined);
    running.inHand--;
    try {
      running.tally.add(copy.answer, answer, running.wish.tolerance);
    } catch (error) {
      this.#log(`a copy could not be compared: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #ask(copy: Copy, running: Running): Promise<Answer> {
    const { servers, timeoutMs, host } = running.wish;
    const server = servers[running.next++ % servers.length] ?? "";
    const { method, path: pathAndQuery, body } = copy;
    // Who is asked may want to know that nobody waits for the answer.
    const headers = { ...headersOf(copy), ...hostHeader(host), "x-request-id": copy.id, "x-dray-shadow": "1" };
    const question: Question = { method, path: pathAndQuery, headers, body };
    return await ask(replicaOf(server), question, { withinMs: timeoutMs, agent: this.#agent });
  }

  async close(): Promise<void> {
    for (const [service, running] of this.#running) await this.#write(service, running);
    this.#agent.destroy();
  }
}

/** dray's own words: `http://address:port`. */
function replicaOf(server: string): Replica {
  const [, address = "", port] = /^http:\/\/(.+):(\d+)$/.exec(server) ?? [];
  return { address: address.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** A path that servers and proxies may read as another host is sent to nobody; nor is what node refuses to send. */
function isSendable({ path: pathAndQuery, headers }: Copy): boolean {
  if (!/^\/(?![/\\])[\x21-\xff]*$/.test(pathAndQuery)) return false;
  return headers.every(([name, value]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/[^\t\x20-\x7e\x80-\xff]/.test(value));
}

function headersOf(copy: Copy): http.OutgoingHttpHeaders {
  // A header may be called `constructor`, or `__proto__`.
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of copy.headers) headers[name] = [...[headers[name] ?? []].flat(), value];
  return { ...headers, ...(copy.body.length > 0 ? { "content-length": copy.body.length } : {}) };
}
