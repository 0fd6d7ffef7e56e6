// Requests as clients send them, as smugglers send them, and as neither does: what the reader is held against node's own with.

/** A number from 0 up to `below`. */
export type Dice = (below: number) => number;

/** Mulberry32: the same throws for the same seed. */
export function dice(seed: number): Dice {
  let now = seed;
  return (below) => {
    now = (now + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const BODIES = ['{"a":1}', "[1]", " ", '{"text":"\u00C3\u00BC"}', "{}\r\n\r\n", "POST /decisions HTTP/1.1\r\n"];

const request = (headers: readonly string[], body: string, first = "POST /decisions HTTP/1.1"): string =>
  [first, ...headers, "", body].join("\r\n");
const sized = (headers: readonly string[], body: string): string =>
  request([...headers, `content-length: ${body.length}`], body);
const TYPE = "content-type: application/json";

/** Heads of well-known clients. */
const HEADS: readonly (readonly string[])[] = [
  ["host: a", TYPE],
  ["Host: localhost:8080", "Content-Type: application/json; charset=utf-8", "Connection: keep-alive"],
  ["Host: a", "User-Agent: curl/8.5.0", "Accept: */*", "Content-Type: application/json"],
  [
    "Host: a",
    "User-Agent: python-requests/2.32.3",
    "Accept-Encoding: gzip, deflate",
    "Accept: */*",
    "Connection: keep-alive",
    "Content-Type: application/json",
  ],
  ["host: a", TYPE, "x-request-id: abc-1", "x-forwarded-for: 10.0.0.1", "x-forwarded-proto: https", "x-dray-key: acme"],
];

const INNER = sized(["host: a", TYPE, "x-request-id: inner"], "[2]");
const chunked = (...more: string[]): string => request(["host: a", TYPE, ...more], `0\r\n\r\n${INNER}`);

/** What has been used to make two readers of one connection disagree. */
const SMUGGLING: readonly string[] = [
  chunked("content-length: 4", "transfer-encoding: chunked"),
  chunked("transfer-encoding: chunked"),
  chunked("transfer-encoding: xchunked", "content-length: 3"),
  chunked("transfer-encoding : chunked", "content-length: 3"),
  chunked("transfer-encoding:\tchunked", "content-length: 3"),
  chunked("transfer-encoding: chunked, identity", "content-length: 3"),
  chunked("x-real-ip: y\n transfer-encoding: chunked", "content-length: 3"),
  chunked("x-real-ip: y\r\n transfer-encoding: chunked", "content-length: 3"),
  chunked("x-real-ip: y\rtransfer-encoding: chunked", "content-length: 3"),
  chunked("content-length: 0", `content-length: ${INNER.length}`),
  chunked("content-length: 3, 3"),
  chunked("content-length: +3"),
  chunked("content-length: 03"),
  chunked("content-length: 0x3"),
  chunked("content-length: 3 "),
  chunked("content-length:3"),
  chunked("content-length:  3"),
  chunked("content-length: 3\0"),
  chunked("content-length: 18446744073709551619"),
  chunked("content-length: 3", "expect: 100-continue"),
  chunked("content-length: 3", "upgrade: h2c", "connection: upgrade"),
  chunked("content-length: 3", "connection: close"),
  chunked("content-length: 3", "connection: keep-alive, close"),
  chunked("content-length: 3", "host: b"),
  chunked("content-length: 3", "content-encoding: gzip"),
  request([TYPE, "content-length: 3"], `[1]${INNER}`),
  request(["host: a", TYPE, "content-length: 3"], `[1]${INNER}`, "POST /decisions HTTP/1.0"),
  request(["host: a", TYPE, "content-length: 3"], `[1]${INNER}`, "POST  /decisions HTTP/1.1"),
  request(["host: a", TYPE, "content-length: 3"], `[1]${INNER}`, "POST http://a/decisions HTTP/1.1"),
  request(["host: a", TYPE, "content-length: 3"], `[1]${INNER}`, "GET /decisions HTTP/1.1"),
  sized(["host: a", TYPE], "[1]").replaceAll("\r\n", "\n"),
  `\r\n${INNER}`,
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/** Put anywhere. */
const SCRAPS = "\r|\n|\r\n|\r\n\r\n| |\t|\0|:|,|;|\u007F|\u0080|\u00FF|0|1|9|-|_|close|chunked|HTTP/1.1".split("|");

/** Put where a line ends. */
const LINES = [
  "Transfer-Encoding: chunked",
  "content-length: 1",
  "Content-Length: 12",
  "Connection: close",
  "connection: Keep-Alive",

  "connection: keep-alive, x",
  "Upgrade: websocket",
  "Expect: 100-continue",
  "host: b",
  "x-request-id: z",
  "x: y",
  "a b: c",

  "x-real-ip:",
  "x-real-ip: ",
  " folded",
  "\tfolded",
  ": y",
  "proxy-connection: close",
  "keep-alive: timeout=1",
  "te: trailers",

  "content-length : 1",
  "content_length: 1",
  "Accept: text/csv",
  "http2-settings: a",
  "trailer: x",
  `cookie: ${"a".repeat(9000)}`,
];

type Change = (text: string, roll: Dice) => string;

const pick = <T>(from: readonly [T, ...T[]] | readonly T[], roll: Dice): T => from[roll(from.length)] as T;
const spliced = (text: string, at: number, gone: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + gone);

const CHANGES: readonly Change[] = [
  (text, roll) => spliced(text, roll(text.length + 1), 0, pick(SCRAPS, roll)),
  (text, roll) => spliced(text, roll(text.length), 1, pick(SCRAPS, roll)),
  (text, roll) => spliced(text, roll(text.length), 1 + roll(8), ""),
  (text, roll) => spliced(text, roll(text.length), 1, String.fromCodePoint(roll(256))),
  (text, roll) => {
    const at = roll(text.length);
    return spliced(text, at, 0, text.slice(at, at + roll(60)));
  },
  (text, roll) => {
    const at = text.indexOf("\r\n", roll(text.length));
    return at < 0 ? text : spliced(text, at, 0, `\r\n${pick(LINES, roll)}`);
  },
  (text, roll) => {
    const at = roll(text.length);
    const letter = text[at] ?? "";
    return spliced(text, at, 1, letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase());
  },
  (text, roll) => text.replace(/(content-length: )\d+/i, (_all, name: string) => name + String(roll(40))),
  (text, roll) => text.slice(0, roll(text.length)),
];

/** Bytes that one connection gets, as latin1: one request or some, most of them changed somewhere. */
export function mutant(roll: Dice): string {
  const parts = Array.from({ length: 1 + roll(3) }, () => {
    const seed = roll(4) === 0 ? pick(SMUGGLING, roll) : sized(pick(HEADS, roll), pick(BODIES, roll));
    return roll(3) === 0 ? changed(seed, roll) : seed;
  });
  const whole = parts.join("");
  return roll(3) === 0 ? changed(whole, roll) : whole;
}

function changed(text: string, roll: Dice): string {
  let now = text;
  for (let left = 1 + roll(3); left > 0; left--) now = pick(CHANGES, roll)(now, roll);
  return now;
}

/** Cuts bytes in pieces: now and then after every one of them. */
export function pieces(bytes: Buffer, roll: Dice): Buffer[] {
  const everywhere = bytes.length < 4000 && roll(24) === 0;
  const cuts = everywhere
    ? Array.from({ length: bytes.length }, (_, index) => index)
    : Array.from({ length: roll(4) }, () => roll(bytes.length + 1)).toSorted((one, other) => one - other);
  return [...cuts, bytes.length]
    .map((end, index, ends) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
    .filter((piece) => piece.length > 0);
}
