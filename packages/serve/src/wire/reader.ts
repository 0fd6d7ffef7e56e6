import { type Head, type HeadRules, readHead, requestLine } from "./head.ts";

/** A request that is here whole: it takes the bytes from 0 to `end`. */
export interface Taken {
  head: Head;
  /** Where the body begins. */
  from: number;
  end: number;
}

/** Perhaps the beginning of a request that is taken: more can be said when so many bytes are here. */
export interface Part {
  needs: number;
}

/** What the bytes at the beginning of a request are; undefined: for node:http to judge. */
export type Reading = Taken | Part | undefined;

/** Bytes of a head. */
const HEAD_BYTES = 8192;
/** Bytes of a body: larger ones come in many pieces, and beside reading them the server's own part is small. */
const BODY_BYTES = 65_536;

/** Reads the requests of one connection. It never guesses: what it takes, node's own parser reads to the same byte. */
export class Reader {
  readonly #rules: HeadRules;
  readonly #first: Buffer;
  #text = "";
  #head: Head | undefined;

  constructor(rules: HeadRules) {
    this.#rules = { ...rules, body: Math.min(rules.body, BODY_BYTES) };
    this.#first = Buffer.from(requestLine(rules.route), "latin1");
  }

  /** What begins with the first of these bytes. */
  read(bytes: Buffer): Reading {
    const text = bytes.toString("latin1", 0, Math.min(bytes.length, HEAD_BYTES));
    const from = text.indexOf("\r\n\r\n") + 4;
    if (from < 4) return bytes.length < HEAD_BYTES && this.#mayBegin(bytes) ? { needs: bytes.length + 1 } : undefined;
    const head = this.#read(text, from);
    if (head === undefined) return undefined;
    const end = from + head.length;
    return end > bytes.length ? { needs: end } : { head, from, end };
  }

  /** Most clients send the same head again and again. */
  #read(text: string, end: number): Head | undefined {
    if (this.#head !== undefined && end === this.#text.length && text.startsWith(this.#text)) return this.#head;
    const own = text.slice(0, end);
    const head = readHead(own, this.#rules);
    if (head !== undefined) [this.#text, this.#head] = [own, head];
    return head;
  }

  #mayBegin(bytes: Buffer): boolean {
    const length = Math.min(bytes.length, this.#first.length);
    return bytes.compare(this.#first, 0, length, 0, length) === 0;
  }
}
