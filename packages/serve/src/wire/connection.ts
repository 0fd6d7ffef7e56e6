import type { Socket } from "node:net";
import type { HeadRules } from "./head.ts";
import type { Kept } from "./kept.ts";
import { Pieces } from "./pieces.ts";
import { Reader, type Taken } from "./reader.ts";

/** A whole request, as its connection hands it to whoever answers. */
export interface Arrived {
  bytes: Buffer;
  taken: Taken;
  /** When it came, as performance.now() has it. */
  at: number;
  gone: () => boolean;
}

/** What is done with an answer: it is written, or the other way answers with what is known. */
export interface Asker {
  answer(text: string): void;
  /** Hands the connection over, from the first byte of the request; undefined: nothing was done with it. */
  other(kept: Kept | undefined): void;
  /** Nobody is there to be answered. */
  nobody(): void;
}

/** What connections have in common. */
export interface Lane {
  rules: HeadRules;
  /** Answers later, never while it is called, but for `other`. */
  ask(asked: Arrived, asker: Asker): void;
  /** Gives a connection to node:http, with the bytes that it has not seen yet. */
  handOver(socket: Socket, bytes: Buffer, kept: Kept | undefined): void;
  closed(connection: Connection): void;
  isClosing(): boolean;
  keepAliveMs: number;
}

/** A request of which only a part came is node's after so long: from then on its patience counts. */
const PART_MS = 1000;

type State = "idle" | "asking" | "away";

/** One connection whose requests are read here, one after the other, until one comes that is not. */
export class Connection {
  readonly #socket: Socket;
  readonly #lane: Lane;
  readonly #reader: Reader;
  #state: State = "idle";
  /** What came and was not read: the beginning of a request, or what follows one that is being asked. */
  readonly #rest = new Pieces();
  /** Reading that again is of no use before so many bytes are here. */
  #needs = 0;
  #since = performance.now();
  #served = false;
  #ended = false;

  readonly #onData = (chunk: Buffer): void => this.#came(chunk);
  readonly #onEnd = (): void => this.#end();
  readonly #onClose = (): void => this.#lane.closed(this);
  readonly #onError = (): void => undefined;
  readonly #gone = (): boolean => this.#socket.destroyed;

  constructor(socket: Socket, lane: Lane) {
    this.#socket = socket;
    this.#lane = lane;
    this.#reader = new Reader(lane.rules);
    socket.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose).on("error", this.#onError);
  }

  /** Is it waiting for the next request, after at least one? */
  get isIdle(): boolean {
    return this.#served && this.#state === "idle" && this.#rest.size === 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The server closes: what has not begun to be asked is node's. */
  drain(): void {
    if (this.#state === "idle" && !this.isIdle) this.#handOver(this.#rest.take(), undefined);
  }

  /** Looks at the time, now and then. */
  look(now: number): void {
    if (this.#state !== "idle") return;
    const waited = now - this.#since;
    if (this.isIdle) {
      if (waited > this.#lane.keepAliveMs) this.#socket.destroy();
    } else if (waited > PART_MS) this.#handOver(this.#rest.take(), undefined);
  }

  #came(chunk: Buffer): void {
    if (this.#state === "idle" && this.#rest.size === 0) this.#since = performance.now();
    this.#rest.add(chunk);
    // Who sends faster than answers can be given waits.
    if (this.#state === "asking") this.#socket.pause();
    else if (this.#rest.size >= this.#needs) this.#read(this.#rest.take());
  }

  #read(bytes: Buffer): void {
    const reading = this.#lane.isClosing() ? undefined : this.#reader.read(bytes);
    if (reading === undefined) return this.#handOver(bytes, undefined);
    if ("needs" in reading) {
      this.#needs = reading.needs;
      this.#rest.add(bytes);
      if (this.#ended) this.#handOver(this.#rest.take(), undefined);
      return;
    }
    this.#needs = 0;
    if (reading.end < bytes.length) this.#rest.add(bytes.subarray(reading.end));
    this.#state = "asking";
    this.#lane.ask({ bytes, taken: reading, at: this.#since, gone: this.#gone }, this.#asker(bytes, reading.end));
  }

  #asker(bytes: Buffer, end: number): Asker {
    return {
      answer: (text) => {
        if (this.#state === "asking") this.#answer(text);
      },
      other: (kept) => {
        if (this.#state !== "asking") return;
        const after = this.#rest.size === 0 ? [] : [this.#rest.take()];
        this.#handOver(Buffer.concat([bytes.subarray(0, end), ...after]), kept);
      },
      nobody: () => {
        this.#state = "away";
      },
    };
  }

  #answer(text: string): void {
    this.#served = true;
    const socket = this.#socket;
    // Who has ended its side of the connection gets no answer, from node:http neither.
    const isFlushed = !socket.writable || socket.write(text);
    if (isFlushed) return this.#next();
    socket.once("drain", () => this.#next());
  }

  /** Reads what came meanwhile. */
  #next(): void {
    if (this.#socket.destroyed) return;
    this.#state = "idle";
    this.#since = performance.now();
    const rest = this.#rest.take();
    if (this.#lane.isClosing()) return this.#handOver(rest, undefined);
    if (rest.length > 0) this.#read(rest);
    if (this.#state === "idle" && this.#socket.isPaused()) this.#socket.resume();
  }

  #end(): void {
    this.#ended = true;
    if (this.#state === "idle" && this.#rest.size > 0) this.#handOver(this.#rest.take(), undefined);
    else this.#socket.end();
  }

  #handOver(bytes: Buffer, kept: Kept | undefined): void {
    const socket = this.#socket;
    this.#state = "away";
    socket.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).off("error", this.#onError);
    this.#lane.closed(this);
    this.#lane.handOver(socket, bytes, kept);
    // It may have ended while its last request was being answered.
    if (this.#ended) socket.emit("end");
  }
}
