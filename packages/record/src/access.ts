import { httpStatusOf } from "./grpc.ts";

/** Who was asked: a replica, or nobody where the edge answered by itself. */
interface Asked {
  service: string;
  /** Empty where the edge answered by itself. */
  release: string;
  /** HAProxy's name of the replica: `s_SERVICE/RELEASE.N`. */
  server: string;
}

/** What one line of the edge's access log says. Times in milliseconds, -1 where it did not come that far. */
export interface Access extends Asked {
  status: number;
  queueMs: number;
  /** To the head of the answer; of a stream to its first bytes, where the edge was told to look. */
  modelMs: number;
  totalMs: number;
  /** The client went away before the answer was complete. */
  left: boolean;
  /** `-` where the release asks for no key. */
  caller: string;
  /** Of a language model's answer, where it says how many there were. */
  tokens?: Tokens;
  /** Where the request is part of a sampled trace. */
  trace?: Traced;
}

/** Tokens that a model read and wrote; an answer that was cut off has those that came. */
export interface Tokens {
  asked: number;
  answered: number;
  /** They came one after the other, from the first bytes to the end. */
  streamed: boolean;
}

/** A request's place in a trace: the W3C's ids, in hex. */
export interface Traced {
  traceId: string;
  /** Of the edge's own span. */
  spanId: string;
  /** Of the caller's; undefined where the trace begins here. */
  parentId?: string;
  /** When its first byte came, in milliseconds since 1970. */
  startMs: number;
  /** Method and path. */
  asked: string;
}

const SPACE = 0x20;
const [ZERO, NINE, PLUS, MINUS] = [0x30, 0x39, 0x2b, 0x2d];
const QUOTE = 0x22;
const BACKEND = " s_";

/**
 * Reads a line of the edge's log format (HAProxy's `httplog`, then the request's id and the caller), without a regular
 * expression and with as few new strings as can be: there may be tens of thousands a second. Undefined for what is no
 * request to a service.
 */
export function parseAccess(line: string): Access | undefined {
  const frontend = line.indexOf("]") + 2;
  const backend = line.indexOf(" ", frontend);
  if (frontend < 2 || !line.startsWith(BACKEND, backend)) return undefined;
  const end = line.indexOf(" ", backend + 1);
  const { service, release, server } = askedOf(line.slice(backend + 1, end));
  const cursor = new Cursor(line, end + 1);
  cursor.number();
  const queueMs = cursor.number();
  cursor.number();
  const modelMs = cursor.number();
  const totalMs = cursor.number();
  const status = cursor.number();
  // Bytes and two cookies, then how the session ended (HAProxy's manual, 8.5): `c` first where it was the client.
  cursor.skip(3);
  const left = cursor.isAt("c") || cursor.isAt("C");
  const word = lastWord(line);
  const access = { service, release, server, status, queueMs, modelMs, totalMs, left, caller: known(word) };
  const more = wordBeforeId(line, line.length - word.length - 1);
  return more === undefined ? access : { ...access, ...toldIn(more, access.status, line) };
}

/** What stands between the request and its id, where the edge was told to say more. `end`: where the id ends. */
function wordBeforeId(line: string, end: number): string | undefined {
  const id = line.lastIndexOf(" ", end - 1);
  if (id < 1 || line.charCodeAt(id - 1) === QUOTE) return undefined;
  return line.slice(line.lastIndexOf(" ", id - 1) + 1, id);
}

/**
 * `GRPC/FIRST/TRACE-SPAN-PARENT/ASKED+ANSWERED`: the status in the head of an answer, milliseconds, ids, and tokens; `-` for what
 * there is not. An older dray's edge says nothing of tokens.
 */
const MORE = /^(\d+|-)\/(\d+|-)\/(?:([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{16})?|-)(?:\/(?:(\d+)\+(\d+)|-))?$/;

function toldIn(word: string, status: number, line: string): Partial<Access> {
  const [, grpc = "-", first = "-", traceId, spanId, parentId, asked, answered] = MORE.exec(word) ?? [];
  return {
    ...(grpc === "-" || status !== 200 ? {} : { status: httpStatusOf(Number(grpc)) }),
    ...(first === "-" ? {} : { modelMs: Number(first) }),
    ...(answered === undefined
      ? {}
      : { tokens: { asked: Number(asked), answered: Number(answered), streamed: first !== "-" } }),
    ...(traceId === undefined || spanId === undefined
      ? {}
      : {
          trace: { traceId, spanId, ...(parentId === undefined ? {} : { parentId }), ...beginning(line) },
        }),
  };
}

/** HAProxy's date, which is UTC in its container: `[25/Nov/2026:17:34:14.730]`. */
const DATE = /\[(\d+)\/(\w+)\/(\d+):([\d:.]+)\]/;
const ASKED = /"(\S+ [^\s?"]+)/;

function beginning(line: string): Pick<Traced, "startMs" | "asked"> {
  const [, day, month, year, time] = DATE.exec(line) ?? [];
  return { startMs: Date.parse(`${day} ${month} ${year} ${time} UTC`), asked: ASKED.exec(line)?.[1] ?? "" };
}

/** What one line says of the request itself, whichever service it was for, or none. */
export interface Logged {
  status: number;
  /** How the session ended, in HAProxy's four letters. */
  ended: string;
  /** Without a query; lines of older drays have it. */
  path: string;
}

/** `... 200 123 - - ---- 1/1/0/0/0 0/0 {captured} "POST /decisions HTTP/1.1"`, behind the timers. */
const REQUEST =
  / \S+\/-?\d+\/-?\d+\/-?\d+\/\+?-?\d+ (-?\d+) \+?-?\d+ \S+ \S+ (\S{4}) \S+ \S+ (?:\{[^}]*\} )*"\S+ ([^\s?]+)/;

/** The same line for those who look at a few. Undefined for what is no request. */
export function parseRequest(line: string): Logged | undefined {
  const [, status, ended, path] = REQUEST.exec(line) ?? [];
  if (status === undefined || ended === undefined || path === undefined) return undefined;
  return { status: Number(status), ended, path };
}

/** A place in a line. */
class Cursor {
  readonly #line: string;
  #at: number;

  constructor(line: string, at: number) {
    this.#line = line;
    this.#at = at;
  }

  /** A whole number, and the one character behind it; HAProxy puts a `+` before what was logged before the end. */
  number(): number {
    let code = this.#line.charCodeAt(this.#at++);
    const sign = code === MINUS ? -1 : 1;
    if (code === MINUS || code === PLUS) code = this.#line.charCodeAt(this.#at++);
    let value = 0;
    for (; code >= ZERO && code <= NINE; code = this.#line.charCodeAt(this.#at++)) value = value * 10 + code - ZERO;
    return sign * value;
  }

  skip(words: number): void {
    for (let word = 0; word < words; word++) this.#at = this.#line.indexOf(" ", this.#at) + 1;
  }

  isAt(letter: string): boolean {
    return this.#line.startsWith(letter, this.#at);
  }
}

function lastWord(line: string): string {
  let at = line.length;
  while (at > 0 && line.charCodeAt(at - 1) !== SPACE) at--;
  return line.slice(at);
}

/** Names that came before: the same string again is found faster by whoever counts by it. */
const MOST_NAMES = 1000;
const names = new Map<string, string>();
const asked = new Map<string, Asked>();

function known(name: string): string {
  return names.get(name) ?? remember(names, name, (own) => own);
}

function askedOf(server: string): Asked {
  return asked.get(server) ?? remember(asked, server, split);
}

function remember<T>(memory: Map<string, T>, name: string, make: (name: string) => T): T {
  // Releases come and go for as long as the keeper runs.
  if (memory.size >= MOST_NAMES) memory.clear();
  // A part of a string holds the whole, here all that came with it; a copy does not.
  const own = Buffer.from(name).toString();
  const value = make(own);
  memory.set(own, value);
  return value;
}

function split(server: string): Asked {
  const slash = server.indexOf("/");
  const dot = server.indexOf(".", slash);
  return {
    service: known(server.slice(BACKEND.length - 1, slash)),
    release: known(dot < 0 ? "" : server.slice(slash + 1, dot)),
    server,
  };
}
