import http from "node:http";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

/** The Engine API through its socket: the three calls that the warden makes, and no other. */
export class Engine {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  async #ask(method: string, path: string, signal: AbortSignal): Promise<http.IncomingMessage> {
    return await new Promise((resolve, reject) => {
      const request = http.request({ socketPath: this.#socket, method, path, signal, headers: { host: "docker" } });
      request.once("response", resolve);
      request.once("error", reject);
      request.end();
    });
  }

  /** Labels of a container; undefined: there is none. */
  async labels(container: string, signal: AbortSignal): Promise<Record<string, string> | undefined> {
    const answer = await this.#ask("GET", `/containers/${encodeURIComponent(container)}/json`, signal);
    const said = await text(answer);
    if (answer.statusCode !== 200) return undefined;
    return (JSON.parse(said) as { Config: { Labels: Record<string, string> } }).Config.Labels;
  }

  /** @throws when the engine does not do it */
  async restart(container: string, graceS: number, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask("POST", `/containers/${encodeURIComponent(container)}/restart?t=${graceS}`, signal);
    const said = await text(answer);
    if (answer.statusCode !== 204) throw new Error(`restart ${container}: ${answer.statusCode} ${said}`);
  }

  /** What happens to containers with a label, as it happens. Ends with the connection. */
  async *events(
    label: string,
    signal: AbortSignal,
  ): AsyncGenerator<{ Action: string; time: number; Actor: { Attributes: Record<string, string> } }> {
    const filters = { type: ["container"], label: [label], event: ["die", "oom"] };
    const answer = await this.#ask("GET", `/events?filters=${encodeURIComponent(JSON.stringify(filters))}`, signal);
    for await (const line of createInterface({ input: answer }))
      yield JSON.parse(line) as { Action: string; time: number; Actor: { Attributes: Record<string, string> } };
  }
}
