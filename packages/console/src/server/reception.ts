import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { deadline, joined } from "drayage-clock";
import { LineAnswer, refuse } from "./answer.ts";
import { readJson } from "./body.ts";
import { CALLS } from "./calls.ts";
import { BadCall, type Desk } from "./desk.ts";
import { knockOf, type Refusal, refusalAt } from "./door.ts";
import type { PageFile } from "./files.ts";
import type { Idle } from "./idle.ts";
import { carries } from "./token.ts";

const MAX_CALLS = 32;
/** No verb takes longer, but those that go on until the page has enough: they are followed, not awaited. */
const CALL_MS = 3_600_000;

/** What a reception needs to know of the house. */
export interface Inside {
  pages: ReadonlyMap<string, PageFile>;
  token: string;
  signal: AbortSignal;
  idle: Idle;
  /** The server's own port. */
  port: () => number;
}

const BAD_CALL: Refusal = { status: 400, code: "call.bad", message: "the call is not JSON of the right shape" };
const UNKNOWN: Refusal = { status: 404, code: "door.path", message: "there is no such path" };
const BUSY: Refusal = { status: 429, code: "call.many", message: "too many calls at once" };
const NO_TOKEN: Refusal = { status: 401, code: "door.token", message: "the call does not carry this console's token" };
const READ_ONLY: Refusal = {
  status: 403,
  code: "call.read-only",
  message: "this console only reads; dray console --allow-changes lets it change things",
};

/** How HTTP says what is wrong with a request that cannot even be read, by Node's name for it. */
const UNREADABLE: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
};

/** Takes requests in, or refuses them: first where they come from, then their token, and only then what they ask for. */
export class Reception<M> {
  readonly #desk: Desk<M>;
  readonly #inside: Inside;
  #calls = 0;

  constructor(desk: Desk<M>, inside: Inside) {
    this.#desk = desk;
    this.#inside = inside;
  }

  /** Everything that an HTTP server can be asked. */
  listenTo(server: Server): void {
    server
      .on("request", (request: IncomingMessage, response: ServerResponse) => void this.#receive(request, response))
      // Nobody who may come in waits for a leave to send, speaks another protocol, or wants a tunnel.
      .on("checkContinue", (_request: IncomingMessage, response: ServerResponse) =>
        refuse(response, { status: 417, code: "door.expect", message: "send the call at once" }),
      )
      .on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) =>
        refuse(response, { status: 417, code: "door.expect", message: "send the call at once" }),
      )
      .on("upgrade", (_request: IncomingMessage, socket: Duplex) => turnAway(socket, "403 Forbidden"))
      .on("connect", (_request: IncomingMessage, socket: Duplex) => turnAway(socket, "405 Method Not Allowed"))
      .on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
        // Behind an answer, a second one would be read as that of another request.
        if (socket.bytesWritten > 0) socket.destroy();
        else turnAway(socket, UNREADABLE[error.code ?? ""] ?? "400 Bad Request");
      });
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => response.destroy());
    const refusal = refusalAt(knockOf(request), this.#inside.port());
    if (refusal !== undefined) return refuse(response, refusal);
    const { url = "", method } = request;
    if (url.startsWith("/api/")) return await this.#receiveCall(url.slice("/api/".length), request, response);
    const file = this.#inside.pages.get(url);
    if (file === undefined) return refuse(response, UNKNOWN);
    response.writeHead(200, { ...file.headers, "content-length": file.bytes.length });
    response.end(method === "HEAD" ? undefined : file.bytes);
  }

  async #receiveCall(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!carries(request.headers.authorization, this.#inside.token)) return refuse(response, NO_TOKEN);
    const call = Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
    if (call === undefined) return refuse(response, UNKNOWN);
    if (call.changes && !this.#desk.mayChange) return refuse(response, READ_ONLY);
    const body = await readJson(request).catch(() => undefined);
    if (body === undefined) return refuse(response, BAD_CALL);
    if (this.#calls >= MAX_CALLS) return refuse(response, BUSY);
    this.#calls++;
    using _used = this.#inside.idle.use();
    try {
      await this.#answer(call, body.json, response);
    } finally {
      this.#calls--;
    }
  }

  /**
   * Answers line by line. A call ends with the console, and one that only reads when its page has gone; what was begun to
   * be changed is brought to its end.
   */
  async #answer(call: (typeof CALLS)[string], body: unknown, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    if (!call.changes) response.once("close", () => gone.abort());
    using both = joined([gone.signal, this.#inside.signal]);
    using limit = deadline(CALL_MS, both.signal);
    // The head is sent with the first line: a call that makes no sense is refused by its status.
    let lines: LineAnswer | undefined;
    const tell = (line: object): void => (lines ??= new LineAnswer(response)).tell(line);
    const { signal } = limit;
    const verbs = this.#desk.open({ signal, emit: (news) => tell({ news }) });
    try {
      await call.answer({ desk: this.#desk, verbs, signal, tell }, body);
    } catch (error) {
      if (signal.aborted) return void response.destroy();
      if (error instanceof BadCall) return refuse(response, { ...BAD_CALL, message: error.message });
      tell({ failed: this.#desk.told(error) });
    }
    (lines ??= new LineAnswer(response)).end();
  }
}

/** Ends a connection that wants something that there is not. */
function turnAway(socket: Duplex, status: string): void {
  socket.on("error", () => socket.destroy());
  if (!socket.writable) return void socket.destroy();
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
