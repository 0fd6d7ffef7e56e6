import type { ServerResponse } from "node:http";
import type { Refusal } from "./door.ts";
import { HEADERS } from "./headers.ts";

/** Refuses, in JSON; the connection is not used for another request. */
export function refuse(response: ServerResponse, { status, code, message, allow }: Refusal): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, {
    ...HEADERS,
    "content-type": "application/json; charset=utf-8",
    connection: "close",
    ...(allow === undefined ? {} : { allow }),
  });
  response.end(`${JSON.stringify({ failed: { code, message } })}\n`);
}

/** So much may wait for a page that reads slowly; lines beyond it are left out, and their number is told. */
const MAX_WAITING = 1_048_576;

/** Lines of JSON, as they come. */
export class LineAnswer {
  readonly #response: ServerResponse;
  #left = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { ...HEADERS, "content-type": "application/x-ndjson; charset=utf-8" });
    response.flushHeaders();
  }

  /** Sends a line; where the page is too slow for it, it is left out. */
  tell(line: object): void {
    const response = this.#response;
    if (response.destroyed || response.writableEnded) return;
    if (response.writableLength > MAX_WAITING) return void this.#left++;
    if (this.#left > 0) response.write(`${JSON.stringify({ leftOut: this.#left })}\n`);
    this.#left = 0;
    response.write(`${JSON.stringify(line)}\n`);
  }

  end(): void {
    this.#response.end();
  }
}
