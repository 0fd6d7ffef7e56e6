import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { deadline } from "drayage-clock";
import { Refused } from "./certificates/refused.ts";

/** It answers in milliseconds, or it hangs: then certificates and replicas of others wait behind this. */
const PATIENCE_MS = 10_000;

/** HAProxy's runtime API, through the socket in the shared volume (its management guide, 9.3). */
export class Haproxy {
  readonly #socket: string;
  readonly #patienceMs: number;

  constructor(socket: string, patienceMs: number = PATIENCE_MS) {
    this.#socket = socket;
    this.#patienceMs = patienceMs;
  }

  /** Sends one command and resolves to the answer. @throws Refused when HAProxy does not run, or does not answer */
  async ask(command: string): Promise<string> {
    using limit = deadline(this.#patienceMs);
    const connection = connect({ path: this.#socket, signal: limit.signal });
    try {
      await once(connection, "connect");
      connection.write(`${command}\n`);
      return await text(connection);
    } catch (error) {
      const why = limit.signal.aborted ? "the edge does not answer" : "the edge does not run";
      throw new Refused("edge", why, { cause: error });
    } finally {
      connection.destroy();
    }
  }

  /** Puts a certificate (key and chain, PEM) in force under a file name; new connections get it at once. @throws when HAProxy refuses it */
  async useCertificate(file: string, pem: string, list: string): Promise<void> {
    // A payload ends with an empty line.
    const payload = pem.replace(/\n{2,}/g, "\n").trim();
    const known = (await this.ask("show ssl cert")).split("\n").includes(file);
    if (!known) await this.#expect(`new ssl cert ${file}`, /New empty/);
    await this.#expect(`set ssl cert ${file} <<\n${payload}\n`, /created|updated/);
    await this.#expect(`commit ssl cert ${file}`, /Success/);
    if (!known) await this.#expect(`add ssl crt-list ${list} ${file}`, /Success/);
  }

  async #expect(command: string, wanted: RegExp): Promise<void> {
    const said = await this.ask(command);
    if (!wanted.test(said)) throw new Error(`${command.split(" <<")[0]}: ${said.trim()}`);
  }
}
