import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

import { Refused } from "./certificates/refused.ts";

/** HAProxy's runtime API, through the socket in the shared volume (its management guide, 9.3). */
export class Haproxy {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Sends one command and resolves to the answer. @throws when HAProxy does not run */
  async ask(command: string): Promise<string> {
    const connection = connect(this.#socket);
    await once(connection, "connect").catch((error: unknown) => {
      throw new Refused("edge", "the edge does not run", { cause: error });
    });
    connection.write(`${command}\n`);
    return await text(connection);
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
