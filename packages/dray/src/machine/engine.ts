import type http from "node:http";
import type { Duplex, Readable } from "node:stream";
import { deadline } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { agentOver, ask, type Dial, hijack, text } from "../base/request.ts";

/** The newest Engine API this program was written against; older engines get their own newest. */
const OUR_API = "1.47";

/** Longer than any single thing that an engine is asked to do here; what streams (a pull, a build) is not meant. */
const CALL_MS = 180_000;

interface CallOptions {
  query?: Record<string, string | number | boolean | object | undefined>;
  body?: unknown;
  /** Bytes instead of a JSON body. */
  stream?: Readable;
  headers?: Record<string, string>;
  signal: AbortSignal;
}

/** An answer of the engine that is not a success. */
export class EngineError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "EngineError";
    this.status = status;
  }
}

/** Docker's Engine API (HTTP/1.1) over any kind of connection. */
export class Engine {
  readonly #agent: http.Agent;
  readonly #dial: Dial;
  readonly #handedOver = new Set<Duplex>();
  #prefix = "";

  constructor(dial: Dial) {
    this.#dial = dial;
    this.#agent = agentOver(dial, 8);
  }

  /** Agrees on an API version with the engine: the lower of both. @throws Failure docker.version */
  agree(server: { ApiVersion: string; MinAPIVersion?: string }): void {
    const older = (a: string, b: string): boolean => versionNumber(a) < versionNumber(b);
    if (server.MinAPIVersion !== undefined && older(OUR_API, server.MinAPIVersion)) {
      throw new Failure(
        "docker.version",
        `the engine speaks API ${server.MinAPIVersion} and later, this dray up to ${OUR_API}`,
        {
          hint: "update dray: npm install -g drayage@latest",
        },
      );
    }
    this.#prefix = `/v${older(server.ApiVersion, OUR_API) ? server.ApiVersion : OUR_API}`;
  }

  /** Calls and reads the JSON answer (undefined for none). @throws EngineError when the status is not 2xx or 304 */
  async call<T>(method: string, path: string, options: CallOptions): Promise<T> {
    using limit = deadline(CALL_MS, options.signal);
    try {
      const said = await text(await this.#send(method, path, { ...options, signal: limit.signal }));
      return (said.trim() === "" ? undefined : JSON.parse(said)) as T;
    } catch (error) {
      if (!limit.signal.aborted || options.signal.aborted) throw error;
      throw new Failure("timed-out", `the Docker Engine has not answered ${method} ${path} in ${CALL_MS / 1000} s`, {
        hint: "it may hang: sudo systemctl restart docker, there; containers restart with it",
        cause: error,
      });
    }
  }

  get<T>(path: string, options: CallOptions): Promise<T> {
    return this.call<T>("GET", path, options);
  }

  post<T = unknown>(path: string, options: CallOptions): Promise<T> {
    return this.call<T>("POST", path, options);
  }

  /** Calls and yields the JSON objects of a progress stream as they come. @throws EngineError, also for an `error` in the stream */
  async *stream<T extends object>(method: string, path: string, options: CallOptions): AsyncGenerator<T> {
    const answer = await this.#send(method, path, options);
    let rest = "";
    answer.setEncoding("utf8");
    for await (const chunk of answer) {
      const parts = (rest + String(chunk)).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) if (part.trim() !== "") yield reject(JSON.parse(part) as T);
    }
    if (rest.trim() !== "") yield reject(JSON.parse(rest) as T);
  }

  /** Calls and hands the answer's bytes over as they come (logs). */
  async bytes(method: string, path: string, options: CallOptions): Promise<http.IncomingMessage> {
    return await this.#send(method, path, options);
  }

  /** A connection the engine hands over (attach, exec start); on a connection of its own. */
  async hijack(path: string, body: unknown, signal: AbortSignal): Promise<Duplex> {
    const agent = agentOver(this.#dial, 1);
    const stream = await hijack({
      method: "POST",
      path: this.#prefix + path,
      // To attach takes no body: whatever came with it would be the program's standard input.
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      signal,
      agent,
    });
    this.#handedOver.add(stream);
    stream.once("close", () => this.#handedOver.delete(stream));
    return stream;
  }

  /** Ends every connection, those handed over too. */
  close(): void {
    this.#agent.destroy();
    for (const stream of this.#handedOver) stream.destroy();
  }

  async #send(method: string, path: string, options: CallOptions): Promise<http.IncomingMessage> {
    const { query, body, stream, headers, signal } = options;
    const answer = await ask({
      method,
      path: this.#prefix + path + search(query),
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(stream === undefined ? {} : { stream }),
      signal,
      agent: this.#agent,
    });
    const status = answer.statusCode ?? 0;
    if ((status >= 200 && status < 300) || status === 304) return answer;
    throw new EngineError(status, reason(await text(answer)));
  }
}

function versionNumber(version: string): number {
  const [major = "0", minor = "0"] = version.split(".");
  return Number(major) * 1000 + Number(minor);
}

function search(query: CallOptions["query"]): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    parameters.set(key, typeof value === "object" ? JSON.stringify(value) : String(value));
  }
  const said = parameters.toString();
  return said === "" ? "" : `?${said}`;
}

function reason(said: string): string {
  try {
    return (JSON.parse(said) as { message?: string }).message ?? said;
  } catch {
    return said.trim();
  }
}

function reject<T extends object>(line: T): T {
  if ("error" in line && typeof line.error === "string") throw new EngineError(500, line.error);
  return line;
}

/** Is this the engine saying "no such thing"? */
export function isMissing(error: unknown): boolean {
  return error instanceof EngineError && error.status === 404;
}

/** Is this the engine saying "that name is taken"? */
export function isTaken(error: unknown): boolean {
  return error instanceof EngineError && error.status === 409;
}

/**
 * Splits Docker's multiplexed stream into its payload. Frames: 1 byte stream, 3 bytes zero, 4 bytes length (big endian),
 * as in the Engine API's "attach to a container".
 */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): { stream: "stdout" | "stderr"; data: Buffer }[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: { stream: "stdout" | "stderr"; data: Buffer }[] = [];
    while (this.#rest.length >= 8) {
      const length = this.#rest.readUInt32BE(4);
      if (this.#rest.length < 8 + length) break;
      frames.push({ stream: this.#rest[0] === 2 ? "stderr" : "stdout", data: this.#rest.subarray(8, 8 + length) });
      this.#rest = this.#rest.subarray(8 + length);
    }
    return frames;
  }
}
