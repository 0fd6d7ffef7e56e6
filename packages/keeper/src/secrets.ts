import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from "node:crypto";
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { readIfThere, replaceFile } from "./status.ts";

/** In memory only: a tmpfs for each service, which its replicas see as /run/secrets. */
const MEMORY = process.env["DRAY_SECRETS"] ?? "/run/dray-secrets";
const CIPHER = "aes-256-gcm";
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Says that everything is there: a replica that starts earlier waits for it. */
const READY = ".ready";

/** The settings of a service's alerts are sealed under this and its name. No service has a dot in its name. */
export const ALERTS = "alerts.";
/** As keepers before called it: a service may have such a name, too. */
const ALERTS_BEFORE = "alerts-";

type Values = Record<string, string>;

/**
 * What one container beside a service gets is sealed and opened like the secrets of a service, under this and both names:
 * so a keeper before knows what to do with it after a boot.
 */
const SHARE = "with.";
const shareOf = (service: string, beside: string): string => `${SHARE}${service}.${beside}`;

/**
 * Secrets of services: sealed on the disk with a key of this machine, and in memory for those who run. Whoever is root
 * there can open them, as the machine itself must when it boots with nobody around; what is copied away cannot be read
 * without the key.
 */
export class Secrets {
  readonly #home: string;

  constructor(home: string) {
    this.#home = home;
  }

  /**
   * Takes a service's secrets: these only, or these on top of what it has. The ones before are kept for `restore`, until
   * `settle`; those of alerts are not: nothing goes back to them.
   */
  async seal(service: string, values: Values, merge: boolean): Promise<void> {
    const before = merge ? await this.#open(service) : {};
    const file = this.#sealed(service);
    const goesBack = !service.startsWith(ALERTS) && (await readIfThere(file)) !== undefined;
    if (goesBack) await copyFile(file, `${file}.last`);
    else await rm(`${file}.last`, { force: true });
    await this.#write(service, { ...before, ...values });
    await this.#shareAgain(service);
  }

  /** Gives a container beside a service the secrets that it names, and no others; none: it gets nothing any more. */
  async share(service: string, beside: string, names: readonly string[]): Promise<void> {
    if (names.length === 0) return await this.drop(shareOf(service, beside));
    const all = await this.#open(service);
    const missing = names.find((name) => !Object.hasOwn(all, name));
    if (missing !== undefined) throw new Error(`${service} has no secret ${missing} that ${beside} could get`);
    await this.#write(shareOf(service, beside), Object.fromEntries(names.map((name) => [name, all[name] ?? ""])));
  }

  async #write(name: string, values: Values): Promise<void> {
    await replaceFile(this.#sealed(name), await this.#lock(JSON.stringify(values)), 0o600);
    await this.unfold(name);
  }

  /** What is beside a service gets its new values; one that the service has no more stays until `settle`: it may come back. */
  async #shareAgain(service: string): Promise<void> {
    const all = await this.#open(service);
    for (const share of await this.#sharesOf(service)) {
      const before = Object.entries(await this.#open(share));
      await this.#write(share, Object.fromEntries(before.map(([name, value]) => [name, all[name] ?? value])));
    }
  }

  async #sharesOf(service: string): Promise<string[]> {
    const begins = `secrets-${shareOf(service, "")}`;
    const files = await readdir(this.#home);
    return files.flatMap((file) =>
      file.startsWith(begins) && file.endsWith(".sealed") ? file.slice("secrets-".length, -".sealed".length) : [],
    );
  }

  /** What a service has. */
  async values(service: string): Promise<Values> {
    return await this.#open(service);
  }

  /** What a service has, without the values. */
  async names(service: string): Promise<string[]> {
    return Object.keys(await this.#open(service));
  }

  /** Services of which somebody wants to hear. */
  async alerted(): Promise<string[]> {
    const names = await readdir(this.#home);
    return names.flatMap((name) => /^secrets-alerts[.](.+)[.]sealed$/.exec(name)?.[1] ?? []);
  }

  /** Forgets a service's secrets, on the disk and in memory, and what was given of them to containers beside it. */
  async drop(service: string): Promise<void> {
    for (const share of await this.#sharesOf(service)) await this.drop(share);
    for (const file of [this.#sealed(service), `${this.#sealed(service)}.last`]) await rm(file, { force: true });
    const folder = path.join(MEMORY, service);
    for (const name of await readdir(folder).catch(() => [])) await rm(path.join(folder, name), { force: true });
  }

  /** Goes back to what was there before the last `seal`. */
  async restore(service: string): Promise<void> {
    const file = this.#sealed(service);
    if ((await readIfThere(`${file}.last`)) === undefined) return;
    await rename(`${file}.last`, file);
    await this.unfold(service);
    await this.#shareAgain(service);
  }

  /** Forgets what was there before the last `seal`: a secret that was replaced since it leaked must not lie here for ever. */
  async settle(service: string): Promise<void> {
    await rm(`${this.#sealed(service)}.last`, { force: true });
    const shares = await this.#sharesOf(service);
    const all = shares.length === 0 ? {} : await this.#open(service);
    for (const share of shares) {
      const kept = Object.entries(await this.#open(share)).filter(([name]) => Object.hasOwn(all, name));
      await this.#write(share, Object.fromEntries(kept));
    }
  }

  /** Writes a service's secrets where its replicas read them. */
  async unfold(service: string): Promise<void> {
    const folder = path.join(MEMORY, service);
    // What only the keeper itself needs has no memory of its own.
    if (service.startsWith(ALERTS)) return;
    const values = await this.#open(service);
    await mkdir(folder, { recursive: true });
    for (const [name, value] of Object.entries(values)) {
      await rm(path.join(folder, `.${name}`), { force: true });
      await writeFile(path.join(folder, `.${name}`), value, { mode: 0o444 });
      await rename(path.join(folder, `.${name}`), path.join(folder, name));
    }
    for (const name of await readdir(folder))
      if (name !== READY && !Object.hasOwn(values, name)) await rm(path.join(folder, name), { force: true });
    // Without the right to override modes, which this container has not, root cannot write what nobody may.
    if ((await readIfThere(path.join(folder, READY))) === undefined)
      await writeFile(path.join(folder, READY), "", { mode: 0o444 });
    await chmod(folder, 0o755);
  }

  /**
   * After a boot: every service whose memory this keeper was given. One that cannot be opened is told of, and keeps the
   * others from nothing.
   */
  async unfoldAll(onFault: (where: string, error: unknown) => void): Promise<void> {
    const services = await readdir(MEMORY).catch(() => []);
    await this.#renameAlerts(services).catch((error: unknown) => onFault("the alerts' settings", error));
    for (const service of services) {
      try {
        if ((await readIfThere(this.#sealed(service))) !== undefined) await this.unfold(service);
      } catch (error) {
        onFault(`the secrets of ${service} cannot be opened`, error);
      }
    }
  }

  /** What a keeper before sealed for alerts gets its present name; a service that is called so has its memory here. */
  async #renameAlerts(services: readonly string[]): Promise<void> {
    for (const name of await readdir(this.#home)) {
      const service = new RegExp(`^secrets-${ALERTS_BEFORE}(.+)[.]sealed$`).exec(name)?.[1];
      if (service === undefined || services.includes(`${ALERTS_BEFORE}${service}`)) continue;
      await rename(path.join(this.#home, name), this.#sealed(`${ALERTS}${service}`));
    }
  }

  #sealed(service: string): string {
    return path.join(this.#home, `secrets-${service}.sealed`);
  }

  /** This machine's own: made once, and whole from its beginning, whoever else makes one at the same moment. */
  async #key(): Promise<Buffer> {
    const file = path.join(this.#home, "secrets.key");
    if ((await readIfThere(file)) === undefined) {
      const mine = `${file}.${randomUUID()}`;
      await writeFile(mine, randomBytes(32).toString("base64"), { mode: 0o600, flag: "wx" });
      try {
        await link(mine, file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      } finally {
        await rm(mine, { force: true });
      }
    }
    return Buffer.from(await readFile(file, "utf8"), "base64");
  }

  async #lock(text: string): Promise<string> {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, await this.#key(), iv);
    const body = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64");
  }

  async #open(service: string): Promise<Values> {
    const sealed = await readIfThere(this.#sealed(service));
    if (sealed === undefined) return {};
    const all = Buffer.from(sealed, "base64");
    const decipher = createDecipheriv(CIPHER, await this.#key(), all.subarray(0, IV_BYTES));
    decipher.setAuthTag(all.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const text = Buffer.concat([decipher.update(all.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
    return JSON.parse(String(text)) as Values;
  }
}
