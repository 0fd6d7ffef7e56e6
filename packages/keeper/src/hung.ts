import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Access, readServices, type RecordedServices } from "drayage-record";
import { type Asked, askReady, type Probed } from "./alerts/ready.ts";
import { hostOf } from "./host.ts";
import type { Haproxy } from "./haproxy.ts";
import { parseJson } from "./json.ts";
import { readIfThere, replaceFile } from "./status.ts";
import { readWishes, writeWishes } from "./warden/events.ts";

/** A replica that gets traffic, and how long its answers may take. */
interface Replica extends Probed {
  service: string;
  container: string;
  /** HAProxy's name of it: `s_SERVICE/RELEASE.N`. */
  server: string;
  timeoutMs: number;
}

const LOOK_MS = 5000;
/** Beyond the longest answer: what is merely slow is not hung. */
const MARGIN_MS = 10_000;
const TIMEOUT_MS = 60_000;

/**
 * Finds replicas that take connections and answer nothing, takes them out of the edge, and has the warden restart them.
 * A model of one thread does not answer its readiness probe while it works: only one that has answered neither the probe
 * nor any request for longer than its longest answer may take is hung. One that refuses connections is starting, or dead,
 * and the engine's own affair.
 */
export class Hung {
  readonly #home: string;
  readonly #haproxy: Haproxy;
  readonly #log: (text: string) => void;
  /** Since when each is known to be alive. */
  readonly #alive = new Map<string, number>();
  /** Who has answered a request since the last look. */
  readonly #answered = new Set<string>();
  /** Servers that are out, until they answer again: in a file, since the keeper may be restarted meanwhile. */
  #out: Record<string, string> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();

  constructor(home: string, haproxy: Haproxy, log: (text: string) => void) {
    this.#home = home;
    this.#haproxy = haproxy;
    this.#log = log;
  }

  /** A request that was answered shows that its replica is alive. */
  add({ server, modelMs }: Access): void {
    if (modelMs >= 0) this.#answered.add(server);
  }

  /** Looks, when it is time. Resolves at once. */
  tick(): void {
    if (performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = performance.now();
    this.#looking = this.#looking
      .then(() => this.#look())
      .catch((error: unknown) => this.#log(`hung: ${error instanceof Error ? error.message : String(error)}`));
  }

  get #file(): string {
    return path.join(this.#home, "hung.json");
  }

  async #look(): Promise<void> {
    this.#out ??= (parseJson((await readIfThere(this.#file)) ?? "")?.value ?? {}) as Record<string, string>;
    const replicas = replicasOf(readServices(await readFile(path.join(this.#home, "state.json"), "utf8")));
    const now = performance.now();
    for (const server of this.#answered) this.#alive.set(server, now);
    this.#answered.clear();
    const known = new Set(replicas.map(({ server }) => server));
    for (const server of this.#alive.keys()) if (!known.has(server)) this.#alive.delete(server);
    await Promise.all(replicas.map((replica) => this.#judge(replica)));
  }

  async #judge(replica: Replica): Promise<void> {
    const { server, container, timeoutMs } = replica;
    const asked: Asked = await askReady(replica);
    const now = performance.now();
    // Who refuses is starting: from when it takes connections again its time begins anew.
    if (asked !== "silent" || !this.#alive.has(server)) this.#alive.set(server, now);
    if (asked === "answered") return await this.#back(replica);
    if (asked !== "silent" || now - (this.#alive.get(server) ?? now) < timeoutMs + MARGIN_MS) return;
    const seconds = Math.round((timeoutMs + MARGIN_MS) / 1000);
    await this.#put(server, "maint", container);
    await writeWishes(this.#home, [
      ...(await readWishes(this.#home)),
      { container, why: `it took connections and answered nothing for ${seconds} s` },
    ]);
    this.#alive.set(server, now);
    this.#log(`${replica.service}: ${container} is hung: out of the traffic, and to be restarted`);
  }

  async #back({ server, container, service }: Replica): Promise<void> {
    if (this.#out?.[server] === undefined) return;
    await this.#put(server, "ready", undefined);
    this.#log(`${service}: ${container} answers again, and gets traffic`);
  }

  async #put(server: string, state: "maint" | "ready", container: string | undefined): Promise<void> {
    await this.#haproxy.ask(`set server ${server} state ${state}`);
    const { [server]: _old, ...others } = this.#out ?? {};
    this.#out = container === undefined ? others : { ...others, [server]: container };
    await replaceFile(this.#file, JSON.stringify(this.#out));
  }
}

function replicasOf(state: RecordedServices): Replica[] {
  return Object.values(state.services).flatMap(({ service, current, releases }) => {
    const kept = releases.find(({ release }) => release.id === current);
    const { ready = "/", protocol, limits, ...named } = kept?.release.settings ?? {};
    return (kept?.replicas ?? []).map((replica, index) => ({
      ...replica,
      service,
      ready,
      protocol,
      host: hostOf(named, state.address),
      timeoutMs: limits?.timeoutMs ?? TIMEOUT_MS,
      server: `s_${service}/${current}.${index + 1}`,
    }));
  });
}
