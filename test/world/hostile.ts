import { connect, type Socket } from "node:net";
import tls from "node:tls";

/** What one hostile connection sends, and to which port. */
export interface Attack {
  kind: string;
  /** To the port of HTTPS, by TLS or as it is; undefined: plain HTTP. */
  tls?: boolean;
  /** It shows a good key: an answer of the model's is no wonder. */
  invited?: boolean;
  /** Written as it is, byte by byte in latin1; several parts with a pause between. */
  parts: string[];
  /** The connection is left open for so long, in milliseconds. */
  holdMs: number;
}

export const BODY = '{"hostile": true}';

export const request = (path: string, headers: string[] = [], body: string = BODY, method: string = "POST"): string =>
  [`${method} ${path} HTTP/1.1`, "host: a", ...headers, `content-length: ${body.length}`, "", body].join("\r\n");

/** Inside another request: what a smuggler wants the release to see. */
const SMUGGLED = request("/decisions", ["x-dray-key: evil"]);
const chunked = (...more: string[]): string =>
  ["POST / HTTP/1.1", "host: a", ...more, "", "0", "", SMUGGLED].join("\r\n");

export const PATHS: readonly string[] = [
  "/decisions",
  "/decisions/",
  "//decisions",
  "/./decisions",
  "/docs/../decisions",
  "/docs/%2e%2e/decisions",
  "/docs/..%2fdecisions",
  "/docs/%2E%2E%2Fdecisions",
  "/docs/..;/decisions",
  "/docs/..\\decisions",
  "/docs/%5c..%5cdecisions",
  "/%64ecisions",
  "/docs//../decisions",
  "/docs/.%00./decisions",
  "http://a/decisions",
  "http://a/docs/../decisions",
  "/?/../decisions",
  "/decisions?x=/docs/",
  "/decisions#/docs/",
  "/DECISIONS",
  "/health/../decisions",
  "*",
];

const SPOOFS = [
  ["x-dray-key: evil"],
  ["X-DRAY-KEY: evil", "x-dray-key: evil"],
  ["x_dray_key: evil"],
  ["x-dray_key: evil"],
  ["x-dray-key : evil"],
  ["x-request-id: evil\tid"],
  ["x_request_id: evil"],
  ["x-dray-shadow: 1", "x_dray_shadow: 1"],
  ["authorization: Bearer evil"],
  ["authorization: Bearer"],
  ["authorization: Bearer  "],
  ["authorization: Basic cGFydG5lcnM6eA=="],
  ["authorization: bearer evil", "authorization: Bearer other"],
  ["x-api-key: "],
  ["x-api-key: evil", "x-api-key: partners"],
  [`x-api-key: ${"a".repeat(4000)}`],
  ["connection: x-dray-key", "x-dray-key: evil"],
  ["connection: authorization, x-api-key"],
];

const SMUGGLING = [
  request("/", ["transfer-encoding: chunked"], `0\r\n\r\n${SMUGGLED}`),
  chunked("content-length: 4", "transfer-encoding: chunked"),
  chunked("transfer-encoding: xchunked"),
  chunked("transfer-encoding : chunked"),
  chunked("transfer-encoding: chunked", "transfer-encoding: identity"),
  chunked("transfer-encoding:\tchunked"),
  chunked("transfer-encoding: chunked, identity"),
  chunked("x: y\n transfer-encoding: chunked"),
  `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\ncontent-length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
  `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x10\r\n\r\n${SMUGGLED}`,
  `POST / HTTP/1.1\nhost: a\ncontent-length: 0\n\n${SMUGGLED}`,
  `GET / HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n${SMUGGLED}`,
  `POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  `GET / HTTP/1.1\r\nhost: a\r\n\r\n${SMUGGLED}`,
  `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n${SMUGGLED}`,
  `POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;${"a".repeat(9000)}\r\nx\r\n0\r\n\r\n${SMUGGLED}`,
];

const OVERSIZED = [
  request("/decisions", [`x: ${"a".repeat(20_000)}`]),
  request(
    "/decisions",
    Array.from({ length: 300 }, (_, index) => `x-${index}: a`),
  ),
  request(`/decisions?${"a".repeat(20_000)}`),
  request("/decisions", [], "a".repeat(60_000)),
  `${"A".repeat(5000)} / HTTP/1.1\r\n\r\n`,
  `POST /decisions HTTP/1.1\r\nhost: ${"a".repeat(8000)}\r\ncontent-length: 2\r\n\r\n{}`,
];

const ODD = [
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
  "GET /decisions\r\n\r\n",
  request("/decisions", [], BODY, "CONNECT"),
  request("/decisions", [], BODY, "TRACE"),
  request("/decisions", [], BODY, "PO\x00ST"),
  "POST /decisions HTTP/9.9\r\nhost: a\r\n\r\n",
  "POST /decisions HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}",
  "\r\n\r\n\r\n",
];

/** Mulberry32: the same attacks in every run. */
function random(seed: number): () => number {
  let now = seed;
  return () => {
    now = (now + 0x6d2b79f5) | 0;
    let mixed = Math.imul(now ^ (now >>> 15), 1 | now);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Where an attack gets what makes it different from the one before. */
export interface Dice {
  next: () => number;
  pick: <T>(of: readonly T[]) => T;
  noise: (length: number) => string;
}

/** Makes one attack of a kind. */
export type Make = (dice: Dice) => Omit<Attack, "kind" | "holdMs">;

function dice(seed: number): Dice {
  const next = random(seed);
  return {
    next,
    pick: <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T,
    noise: (length) => Array.from({ length }, () => String.fromCharCode(Math.floor(next() * 256))).join(""),
  };
}

function mangled(text: string, { next, noise }: Dice): string {
  const at = Math.floor(next() * text.length);
  return `${text.slice(0, at)}${noise(1 + Math.floor(next() * 3))}${text.slice(at)}`;
}

/** Attacks on what every server has: its parsers, its patience. */
export const KINDS: Record<string, Make> = {
  path: ({ pick, next }) => ({ parts: [request(pick(PATHS), next() < 0.5 ? pick(SPOOFS) : [])] }),
  spoof: ({ pick }) => ({ parts: [request("/decisions", [...pick(SPOOFS), ...pick(SPOOFS)])] }),
  smuggling: ({ pick }) => ({ parts: [pick(SMUGGLING)] }),
  "smuggling over TLS": ({ pick }) => ({ tls: true, parts: [pick(SMUGGLING)] }),
  oversized: ({ pick }) => ({ parts: [pick(OVERSIZED)] }),
  odd: ({ pick }) => ({ parts: [pick(ODD)] }),
  mangled: (all) => ({ parts: [mangled(request(all.pick(PATHS), all.pick(SPOOFS)), all)] }),
  "bad TLS": ({ next, noise }) => ({
    tls: false,
    parts: [`\x16\x03\x01${noise(40 + Math.floor(next() * 200))}`],
  }),
  cut: ({ next }) => ({ parts: [request("/decisions").slice(0, 20 + Math.floor(next() * 60))] }),
  slow: () => ({ parts: [request("/decisions").slice(0, 60), "{", " ", " "] }),
};

/** `count` attacks, of every kind in turn; each is somewhat different from the one of its kind before. */
export function* attacks(count: number, kinds: Record<string, Make>): Generator<Attack> {
  const all = dice(7);
  const names = Object.keys(kinds);
  for (let index = 0; index < count; index++) {
    const kind = names[index % names.length] ?? "";
    const made = kinds[kind]?.(all);
    if (made !== undefined) yield { kind, holdMs: 40, ...made };
  }
}

/** Where an attack goes, and from which of this computer's addresses. */
export interface Target {
  address: string;
  http: number;
  https: number;
  from?: string;
}

/** Sends one, and resolves to what came back. */
export async function attack(one: Attack, { address: host, http, https, from }: Target): Promise<string> {
  const secure = one.tls === true;
  const to = {
    host,
    port: one.tls === undefined ? http : https,
    ...(from === undefined ? {} : { localAddress: from }),
  };
  const socket: Socket = secure ? tls.connect({ ...to, rejectUnauthorized: false }) : connect(to);
  let said = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (said += chunk));
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => {
    socket.once(secure ? "secureConnect" : "connect", () => resolve());
    socket.once("close", () => resolve());
  });
  for (const [index, part] of one.parts.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, 30));
    if (socket.writable) socket.write(Buffer.from(part, "latin1"));
  }
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, one.holdMs))]);
  socket.destroy();
  return said;
}
