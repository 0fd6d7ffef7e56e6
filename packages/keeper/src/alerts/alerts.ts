import { readFile, statfs } from "node:fs/promises";
import path from "node:path";
import { readServices, type RecordedServices } from "drayage-record";
import { hostOf } from "../host.ts";
import type { Faults } from "../faults.ts";
import type { Numbers } from "../numbers/numbers.ts";
import { ALERTS, type Secrets } from "../secrets.ts";
import type { CertificateStatus } from "drayage-record";
import { readEvents } from "../warden/events.ts";
import { askGolden } from "./golden.ts";
import { askReady, type Probed } from "./ready.ts";
import { type Kind, type Seen, type Trouble, troubles } from "./rules.ts";
import { type Alert, send } from "./send.ts";
import { type AlertSettings, settingsOf } from "./settings.ts";

const LOOK_MS = 10_000;
const WINDOW_S = 300;
const HOUR_S = 3600;
const GOLDEN_MS = 60_000;
/** Who does not answer so often in a row is silent. */
const TIMES = 3;
/** What goes on is told again after this long. */
const AGAIN_MS = 4 * 3_600_000;

interface Firing {
  trouble: Trouble;
  toldAt: number;
}

interface Sources {
  numbers: Numbers;
  faults: Faults;
  log: (text: string) => void;
}

/** Watches services, and tells whom their settings name of what is wrong; once, and again when it is over. */
export class Alerts {
  readonly #home: string;
  readonly #secrets: Secrets;
  readonly #numbers: Numbers;
  readonly #faults: Faults;
  readonly #log: (text: string) => void;
  readonly #missed = new Map<string, number>();
  readonly #golden = new Map<string, { askedAt: number; once: string[]; twice: string[] }>();
  readonly #firing = new Map<string, Firing>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> = Promise.resolve();

  constructor(home: string, secrets: Secrets, { numbers, faults, log }: Sources) {
    this.#home = home;
    this.#secrets = secrets;
    this.#numbers = numbers;
    this.#faults = faults;
    this.#log = log;
  }

  /** Looks, when it is time. Resolves at once. */
  tick(certificates: Record<string, CertificateStatus>): void {
    if (performance.now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = performance.now();
    this.#looking = this.#looking
      .then(() => this.#look(certificates))
      .catch((error: unknown) => this.#faults.note("alerts", error));
  }

  async #look(certificates: Record<string, CertificateStatus>): Promise<void> {
    const state = readServices(await readFile(path.join(this.#home, "state.json"), "utf8"));
    const disk = await diskUse(this.#home);
    const [rows, hour] = [await this.#numbers.since(WINDOW_S), await this.#numbers.since(HOUR_S)];
    const events = await readEvents(this.#home);
    const shared = { rows, hour, events, certificates, disk, faults: this.#faults.recent(), nowMs: Date.now() };
    // One service's trouble must not keep the others' from being told.
    for (const service of await this.#secrets.alerted())
      await this.#faults.guard(`the alerts of ${service}`, () => this.#lookAt(service, state, shared));
  }

  async #lookAt(
    service: string,
    { services, address }: RecordedServices,
    shared: Omit<Seen, "service" | "replicas" | "silent" | "wrong" | "guessing">,
  ): Promise<void> {
    const known = Object.hasOwn(services, service) ? services[service] : undefined;
    const settings = await alertSettings(this.#secrets, service);
    if (known === undefined || settings === undefined) return;
    const live = known.releases.find((each) => each.release.id === known.current);
    const host = hostOf(live?.release.settings ?? {}, address);
    const probed = { ready: settings.ready, host, protocol: live?.release.settings.protocol };
    const replicas = (live?.replicas ?? []).map((replica) => ({ ...replica, ...probed }));
    const silent = await this.#silent(replicas);
    const wrong = await this.#wrong(service, replicas[0], settings);
    const seen: Seen = {
      ...shared,
      service,
      rows: shared.rows.filter((row) => row.service === service),
      hour: shared.hour.filter((row) => row.service === service),
      guessing: this.#firing.has(firingName(service, "wrong-keys")),
      replicas: replicas.length,
      silent,
      wrong,
      events: shared.events.filter(({ container }) => replicas.some((replica) => replica.container === container)),
    };
    await this.#tell(service, troubles(seen, settings), settings);
  }

  async #silent(replicas: readonly (Probed & { container: string })[]): Promise<string[]> {
    const asked = await Promise.all(
      replicas.map(async ({ container, ...replica }) => {
        const missed = (await askReady(replica)) === "answered" ? 0 : (this.#missed.get(container) ?? 0) + 1;
        this.#missed.set(container, missed);
        return missed >= TIMES ? [container] : [];
      }),
    );
    return asked.flat();
  }

  /** Asked once a minute; one wrong answer may be a release that is just being replaced. */
  async #wrong(service: string, replica: Probed | undefined, settings: AlertSettings): Promise<string[]> {
    const before = this.#golden.get(service);
    if (replica === undefined || settings.golden.length === 0) return [];
    if (before !== undefined && performance.now() - before.askedAt < GOLDEN_MS) return before.twice;
    const found = await Promise.all(settings.golden.map((each) => askGolden(each, replica, replica.host)));
    const once = found.flatMap((each) => each ?? []);
    const twice = before !== undefined && before.once.length > 0 ? once : [];
    this.#golden.set(service, { askedAt: performance.now(), once, twice });
    return twice;
  }

  async #tell(service: string, found: readonly Trouble[], settings: AlertSettings): Promise<void> {
    const key = (kind: Kind): string => firingName(service, kind);
    for (const trouble of found) {
      const known = this.#firing.get(key(trouble.kind));
      if (known !== undefined && performance.now() - known.toldAt < AGAIN_MS) continue;
      this.#firing.set(key(trouble.kind), { trouble, toldAt: performance.now() });
      await this.#send(service, trouble, "firing", settings);
    }
    for (const [name, { trouble }] of this.#firing) {
      if (!name.startsWith(`${service} `) || found.some((each) => key(each.kind) === name)) continue;
      this.#firing.delete(name);
      await this.#send(service, trouble, "resolved", settings);
    }
  }

  async #send(
    service: string,
    { kind, why }: Trouble,
    state: "firing" | "resolved",
    settings: AlertSettings,
  ): Promise<void> {
    this.#log(`${service}: ${kind} ${state}: ${why}`);
    const problems = await send(alertFor(service, kind, why, state), settings);
    for (const problem of problems) this.#log(`the alert could not be sent: ${problem}`);
  }
}

const firingName = (service: string, kind: Kind): string => `${service} ${kind}`;

function alertFor(service: string, event: string, message: string, state: Alert["state"]): Alert {
  const text = state === "resolved" ? `${service}: over: ${message}` : `${service}: ${message}`;
  return { text, event, state, service, message, at: new Date().toISOString() };
}

/** Sends a test alert; resolves to what went wrong. @throws when the service has no alerts */
export async function testAlert(secrets: Secrets, service: string): Promise<string[]> {
  const settings = await alertSettings(secrets, service);
  if (settings === undefined) throw new Error(`${service} has no alerts`);
  return await send(alertFor(service, "test", "this is a test of the alerts", "test"), settings);
}

async function alertSettings(secrets: Secrets, service: string): Promise<AlertSettings | undefined> {
  const { settings } = await secrets.values(`${ALERTS}${service}`);
  return settings === undefined ? undefined : settingsOf(settings);
}

async function diskUse(folder: string): Promise<number> {
  const { blocks, bavail, bfree } = await statfs(folder);
  const used = blocks - bfree;
  return used / (used + bavail);
}
