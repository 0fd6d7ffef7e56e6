import { connect, type Socket } from "node:net";
import tls from "node:tls";

/** What one hostile connection sends, and to which port. */
export interface Attack {
  kind: string;
  tls?: boolean;
  /** Written as it is, byte by byte in latin1; several parts with a pause between. */
  parts: string[];
  /** The connection is left open for so long, in milliseconds. */
  holdMs: number;
}

const BODY = '{"hostile": true}';

const request = (path: string, headers: string[] = [], body: string = BODY, method: string = "POST"): string =>
  [`${method} ${path} HTTP/1.1`, "host: a", ...headers, `content-length: ${body.length}`, "", body].join("\r\n");

/** Inside another request: what a smuggler wants the release to see. */
const SMUGGLED = request("/decisions", ["x-dray-key: evil"]);
const chunked = (...more: string[]): string =>
  ["POST / HTTP/1.1", "host: a", ...more, "", "0", "", SMUGGLED].join("\r\n");

const PATHS = [
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

/** `count` attacks of every kind in turn; each is somewhat different from the one of its kind before. */
export function attacks(count: number): Attack[] {
  const next = random(7);
  const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T;
  const noise = (length: number): string =>
    Array.from({ length }, () => String.fromCharCode(Math.floor(next() * 256))).join("");
  const mangled = (text: string): string => {
    const at = Math.floor(next() * text.length);
    return `${text.slice(0, at)}${noise(1 + Math.floor(next() * 3))}${text.slice(at)}`;
  };
  const kinds: (() => Omit<Attack, "holdMs">)[] = [
    () => ({ kind: "path", parts: [request(pick(PATHS), next() < 0.5 ? pick(SPOOFS) : [])] }),
    () => ({ kind: "spoof", parts: [request("/decisions", [...pick(SPOOFS), ...pick(SPOOFS)])] }),
    () => ({ kind: "smuggling", parts: [pick(SMUGGLING)] }),
    () => ({ kind: "smuggling over TLS", tls: true, parts: [pick(SMUGGLING)] }),
    () => ({ kind: "oversized", parts: [pick(OVERSIZED)] }),
    () => ({ kind: "odd", parts: [pick(ODD)] }),
    () => ({ kind: "mangled", parts: [mangled(request(pick(PATHS), pick(SPOOFS)))] }),
    () => ({ kind: "bad TLS", tls: false, parts: [`\x16\x03\x01${noise(40 + Math.floor(next() * 200))}`] }),
    () => ({ kind: "cut", parts: [request("/decisions").slice(0, 20 + Math.floor(next() * 60))] }),
    () => ({ kind: "slow", parts: [request("/decisions").slice(0, 60), "{", " ", " "] }),
  ];
  return Array.from({ length: count }, (_, index) => ({
    ...(kinds[index % kinds.length] as () => Omit<Attack, "holdMs">)(),
    holdMs: 40,
  }));
}

/** Sends one, and resolves to what came back. */
export async function attack(one: Attack, address: string, ports: { http: number; https: number }): Promise<string> {
  const secure = one.tls === true;
  const port = one.tls === undefined ? ports.http : ports.https;
  const socket: Socket = secure
    ? tls.connect({ host: address, port, rejectUnauthorized: false })
    : connect({ host: address, port });
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
