// What a page of another site, a program of another user, or a broken client can send to the server of `dray console`.
import net from "node:net";

/** The console that is attacked, and what an attacker is even allowed to know: the token, where a kind says so. */
export interface Target {
  port: number;
  token: string;
  /** A static file that is there. */
  asset: string;
}

/** What comes back: 0 is a connection that ended without an answer. */
interface Kind {
  status: readonly number[];
  send: (target: Target) => Buffer | string;
}

type Fields = Record<string, string | readonly string[] | undefined>;

function written(line: string, fields: Fields, body: string = ""): string {
  const rows = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : (typeof value === "string" ? [value] : value).map((each) => `${name}: ${each}`),
  );
  return `${[line, ...rows].join("\r\n")}\r\n\r\n${body}`;
}

/** A request for a file, as a browser sends it, with what is different. */
const get =
  (path: string, fields: Fields = {}, method: string = "GET"): Kind["send"] =>
  ({ port }) =>
    written(`${method} ${path} HTTP/1.1`, { host: `127.0.0.1:${port}`, ...fields });

interface Different {
  path?: string;
  method?: string;
  body?: string;
  fields?: (target: Target) => Fields;
}

/** A call that is right in every respect, but for what is different. */
const call =
  ({ path = "/api/hello", method = "POST", body = "{}", fields = () => ({}) }: Different): Kind["send"] =>
  (target) =>
    written(
      `${method} ${path} HTTP/1.1`,
      {
        host: `127.0.0.1:${target.port}`,
        origin: `http://127.0.0.1:${target.port}`,
        "sec-fetch-site": "same-origin",
        authorization: `Bearer ${target.token}`,
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(body)),
        ...fields(target),
      },
      body,
    );

const host = (made: (port: number) => string | undefined): Record<string, Kind["send"]> => ({
  page: ({ port }) => written("GET / HTTP/1.1", { host: made(port) }),
  call: call({ fields: ({ port }) => ({ host: made(port), origin: made(port) && `http://${made(port)}` }) }),
});
const origin = (made: (port: number) => string | readonly string[] | undefined): Kind["send"] =>
  call({ fields: ({ port }) => ({ origin: made(port) }) });
const token = (made: (token: string) => string | readonly string[] | undefined): Kind["send"] =>
  call({ fields: (target) => ({ authorization: made(target.token) }) });
const type = (contentType: string | undefined): Kind["send"] =>
  call({ fields: () => ({ "content-type": contentType }) });
const body = (text: string, path: string = "/api/status"): Kind["send"] => call({ path, body: text });
const all = (status: number | readonly number[], kinds: Record<string, Kind["send"]>): Record<string, Kind> =>
  Object.fromEntries(
    Object.entries(kinds).map(([name, send]) => [
      name,
      { status: typeof status === "number" ? [status] : status, send },
    ]),
  );
const named = (name: string, kinds: Record<string, Kind["send"]>): Record<string, Kind["send"]> =>
  Object.fromEntries(Object.entries(kinds).map(([each, send]) => [`${name}, ${each}`, send]));
const WEBSOCKET = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

const HOSTS: Record<string, Kind> = {
  ...all(421, {
    ...named(
      "a rebound name",
      host((port) => `evil.test:${port}`),
    ),
    ...named(
      "a rebound name without a port",
      host(() => "evil.test"),
    ),
    ...named(
      "another address of loopback",
      host((port) => `127.0.0.2:${port}`),
    ),
    ...named(
      "every address",
      host((port) => `0.0.0.0:${port}`),
    ),
    ...named(
      "IPv6",
      host((port) => `[::1]:${port}`),
    ),
    ...named(
      "an address as a number",
      host((port) => `2130706433:${port}`),
    ),
    ...named(
      "another port",
      host((port) => `127.0.0.1:${port + 1}`),
    ),
    ...named(
      "no port",
      host(() => "127.0.0.1"),
    ),
    ...named(
      "a name with a dot at its end",
      host((port) => `localhost.:${port}`),
    ),
    ...named(
      "a name below localhost",
      host((port) => `evil.localhost:${port}`),
    ),
    ...named(
      "a user before the name",
      host((port) => `127.0.0.1:${port}@evil.test`),
    ),
    ...named(
      "capitals",
      host((port) => `LOCALHOST:${port}`),
    ),
    ...named(
      "an empty name",
      host(() => ""),
    ),
    "HTTP/0.9": () => "GET /\r\n\r\n",
    "a rebound name, static file": ({ port, asset }) => written(`GET ${asset} HTTP/1.1`, { host: `evil.test:${port}` }),
    "a forwarded name": ({ port }) =>
      written("GET / HTTP/1.1", { host: `evil.test:${port}`, "x-forwarded-host": `127.0.0.1:${port}` }),
  }),
  ...all(400, {
    "two names": ({ port }) => written("GET / HTTP/1.1", { host: [`127.0.0.1:${port}`, "evil.test"] }),
    "no name": () => written("GET / HTTP/1.1", {}),
  }),
};

const VISIT = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

const ORIGINS: Record<string, Kind> = {
  ...all(403, {
    "a null origin": origin(() => "null"),
    "another page": origin(() => "https://evil.test"),
    "a page of another port": origin((port) => `http://127.0.0.1:${port + 1}`),
    "a page by HTTPS": origin((port) => `https://127.0.0.1:${port}`),
    "a page whose name begins like ours": origin((port) => `http://127.0.0.1:${port}.evil.test`),
    "a page behind our name as a user": origin((port) => `http://127.0.0.1:${port}@evil.test`),
    "our other name": origin((port) => `http://localhost:${port}`),
    "an origin with a slash": origin((port) => `http://127.0.0.1:${port}/`),
    "no origin": origin(() => undefined),
    "an empty origin": origin(() => ""),
    "a null origin on the page": get("/", { origin: "null" }),
    "another page's script tag": get("/index.html", { "sec-fetch-site": "cross-site", "sec-fetch-dest": "script" }),
    "another page's request for the page": get("/", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }),
    "a form of another page": get("/index.html", { ...VISIT, "sec-fetch-site": "cross-site" }),
    "a page of another port's image": get("/", { "sec-fetch-site": "same-site", "sec-fetch-dest": "image" }),
    "an iframe": get("/", { "sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe" }),
    "a frame": get("/", { "sec-fetch-site": "none", "sec-fetch-dest": "frame" }),
    "an object": get("/", { "sec-fetch-dest": "object" }),
    "an embedded page": get("/", { "sec-fetch-dest": "embed" }),
    "a service worker": get("/", { "sec-fetch-dest": "serviceworker" }),
    "a shared worker": get("/", { "sec-fetch-dest": "sharedworker" }),
    "a call that another page sent": call({ fields: () => ({ "sec-fetch-site": "cross-site" }) }),
  }),
  ...all(400, {
    "two origins": origin((port) => [`http://127.0.0.1:${port}`, "https://evil.test"]),
    "two sites": call({ fields: () => ({ "sec-fetch-site": ["same-origin", "cross-site"] }) }),
  }),
};

const TOKENS: Record<string, Kind> = {
  ...all(401, {
    "no token": token(() => undefined),
    "an empty token": token(() => "Bearer "),
    "a wrong token": token((right) => `Bearer ${"A".repeat(right.length)}`),
    "a token but for its last letter": token((right) => `Bearer ${right.slice(0, -1)}`),
    "a token and a letter": token((right) => `Bearer ${right}A`),
    "another scheme": token((right) => `Basic ${Buffer.from(`dray:${right}`).toString("base64")}`),
    "a token in a cookie": call({
      fields: (target) => ({
        authorization: undefined,
        cookie: `token=${target.token}; authorization=${target.token}`,
      }),
    }),
    "a token in a header of another name": call({
      fields: (target) => ({ authorization: undefined, "x-token": target.token, "proxy-authorization": target.token }),
    }),
    "an unknown call without a token": call({ path: "/api/nothing", fields: () => ({ authorization: undefined }) }),
  }),
  ...all(400, { "two tokens": token((right) => [`Bearer ${right}`, "Bearer x"]) }),
  ...all(404, { "a token in the address": (target) => call({ path: `/api/hello?token=${target.token}` })(target) }),
};

const FORMS: Record<string, Kind> = all(415, {
  "a simple POST of text": type("text/plain"),
  "a form": type("application/x-www-form-urlencoded"),
  "a form with files": type("multipart/form-data; boundary=x"),
  "no type": type(undefined),
  "two types in one": type("application/json, text/plain"),
  "a type in a parameter": type("text/plain; application/json"),
  "another character set": type("application/json; charset=utf-16"),
  "a compressed call": call({ fields: () => ({ "content-encoding": "gzip" }) }),
});

const METHODS: Record<string, Kind> = {
  ...all(405, {
    "PUT of a call": call({ method: "PUT" }),
    "DELETE of a call": call({ method: "DELETE" }),
    "PATCH of a call": call({ method: "PATCH" }),
    "GET of a call": call({ method: "GET" }),
    "HEAD of a call": call({ method: "HEAD" }),
    "a preflight": get("/api/hello", { "access-control-request-method": "POST" }, "OPTIONS"),
    "another method by a header": get("/api/hello", { "x-http-method-override": "POST" }),
    "POST of the page": call({ path: "/" }),
    "DELETE of the page": get("/", {}, "DELETE"),
    TRACE: get("/", {}, "TRACE"),
    CONNECT: get("evil.test:443", {}, "CONNECT"),
  }),
  ...all(400, { "a method in small letters": get("/", {}, "get"), "a method of nobody": get("/", {}, "FETCH") }),
};

const PROTOCOLS: Record<string, Kind> = {
  ...all(403, {
    "a WebSocket": get("/", WEBSOCKET),
    "a WebSocket of another page": get("/", { ...WEBSOCKET, origin: "https://evil.test" }),
    "a WebSocket of a call": call({ path: "/api/pulse", method: "GET", fields: () => WEBSOCKET }),
    "HTTP/2 by an upgrade": get("/", {
      connection: "Upgrade, HTTP2-Settings",
      upgrade: "h2c",
      "http2-settings": "AAMAAABk",
    }),
  }),
  ...all(505, { "HTTP/1.0": ({ port }) => written("GET / HTTP/1.0", { host: `127.0.0.1:${port}` }) }),
  ...all([0, 400], {
    "HTTP/2": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    TLS: () => Buffer.from("16030100c8010000c40303", "hex"),
    SSH: () => "SSH-2.0-OpenSSH_9.2\r\n",
    noise: () => Buffer.from(Array.from({ length: 512 }, (_each, index) => (index * 89) % 256)),
  }),
};

const PATHS: Record<string, Kind> = all(404, {
  "a way up": get("/../../etc/passwd"),
  "a way up from the parts": get("/assets/../../package.json"),
  "a way up in another script": get("/%2e%2e/%2e%2e/etc/passwd"),
  "a way up by a backslash": get("/..\\..\\package.json"),
  "an end of a string": get("/index.html%00.js"),
  "another server's path": get("//evil.test/"),
  "a whole address": ({ port }) => written("GET http://evil.test/ HTTP/1.1", { host: `127.0.0.1:${port}` }),
  "our own address, whole": ({ port }) =>
    written(`GET http://127.0.0.1:${port}/ HTTP/1.1`, { host: `127.0.0.1:${port}` }),
  "a file that is not there": get("/package.json"),
  "a source map": get("/assets/index.js.map"),
  "a long path": get(`/${"a".repeat(8000)}`),
  "a question": get("/?debug=1"),
  "the server itself": get("*", {}, "GET"),
  "a call by its prototype": call({ path: "/api/__proto__" }),
  "a call by its constructor": call({ path: "/api/constructor" }),
  "a call with a slash": call({ path: "/api/hello/" }),
  "a call by a way round": call({ path: "/api/../api/hello" }),
  "no call": call({ path: "/api/" }),
});

const FRAMES: Record<string, Kind> = {
  ...all([0, 400], {
    "two lengths": call({ fields: () => ({ "content-length": ["2", "40"] }) }),
    "a length below nothing": call({ fields: () => ({ "content-length": "-2" }) }),
    "a length in letters": call({ fields: () => ({ "content-length": "0x2" }) }),
    "a length and chunks": call({ body: "2\r\n{}\r\n0\r\n\r\n", fields: () => ({ "transfer-encoding": "chunked" }) }),
    "a header over two lines": ({ port }) =>
      `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx: a\r\n b\r\nhost : evil\r\n\r\n`,
    "a space before a colon": ({ port }) => `GET / HTTP/1.1\r\nhost : 127.0.0.1:${port}\r\n\r\n`,
    "a zero in a header": get("/", { "x-a": "a\0b" }),
    "a line without its return": ({ port }) => `GET / HTTP/1.1\nhost: 127.0.0.1:${port}\n\n`,
  }),
  ...all(411, {
    "chunks of nobody": call({ fields: () => ({ "content-length": undefined, "transfer-encoding": "xchunked" }) }),
    "chunks alone": call({
      body: "2\r\n{}\r\n0\r\n\r\n",
      fields: () => ({ "content-length": undefined, "transfer-encoding": "chunked" }),
    }),
    "no length": call({ body: "", fields: () => ({ "content-length": undefined }) }),
  }),
  ...all(413, { "a large body": call({ fields: () => ({ "content-length": "1000000" }) }) }),
  ...all(431, {
    "a large header": get("/", { "x-large": "a".repeat(20_000) }),
    "many headers": get(
      "/",
      Object.fromEntries(Array.from({ length: 2000 }, (_each, index) => [`x-${index}`, "abcdef"])),
    ),
  }),
  ...all(417, {
    "a wait for leave": call({ fields: () => ({ expect: "100-continue" }) }),
    "another expectation": call({ fields: () => ({ expect: "200-ok" }) }),
  }),
  ...all(421, {
    "a good request behind a bad one": ({ port, token: right }) =>
      `${written("GET / HTTP/1.1", { host: "evil.test" })}${String(call({})({ port, token: right, asset: "" }))}`,
  }),
  ...all([0, 408], {
    "a head that never ends": ({ port }) => `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nx-slow: `,
    "nothing at all": () => "",
    "a body that never ends": call({ fields: () => ({ "content-length": "4000" }) }),
  }),
};

const BODIES: Record<string, Kind> = {
  ...all(400, {
    "no JSON": body("{"),
    "an empty body": body(""),
    "a list": body("[]"),
    "another shape": body('{"service": "0"}'),
    "a key too many": body('{"service": 0, "target": "x"}'),
    "a prototype": body('{"service": 0, "__proto__": {"mayChange": true}}'),
    "a service below nothing": body('{"service": -1}'),
    "a service that is not there": body('{"service": 7}'),
    "a place that is not there": body('{"service": 0, "place": "../b"}'),
    "a file as a run": body('{"id": "../../etc/passwd"}', "/api/run"),
    "a file as a place": body('{"service": 0, "place": "-oProxyCommand=sh"}', "/api/check"),
    "a deep nest": body("[".repeat(8000)),
    "bytes that are no text": body('{"service": 0, "place": "\uD800"}'),
    "a log of everything": body('{"service": 0, "follow": false, "edge": false, "tail": 1000000000}', "/api/logs"),
    "a status that is a program": body(
      '{"service": 0, "follow": false, "edge": true, "tail": 1, "status": "5xx; id"}',
      "/api/logs",
    ),
    "numbers of a thousand years": body('{"service": 0, "sinceS": 99999999999}', "/api/metrics"),
  }),
  ...all(403, {
    "a rollback where nothing may change": body('{"service": 0}', "/api/rollback"),
    "a key where nothing may change": body('{"service": 0, "name": "evil"}', "/api/keys/add"),
    "a revocation where nothing may change": body('{"service": 0, "name": "partner"}', "/api/keys/revoke"),
  }),
};

/** Every kind, and the statuses of which one has to come back. */
export const KINDS: Readonly<Record<string, Kind>> = {
  ...HOSTS,
  ...ORIGINS,
  ...TOKENS,
  ...FORMS,
  ...METHODS,
  ...PROTOCOLS,
  ...PATHS,
  ...FRAMES,
  ...BODIES,
};

/** What is right is let in: a refusal of everything would prove nothing. */
export const GOOD: Readonly<Record<string, Kind>> = all(200, {
  "a person's browser": get("/", { ...VISIT, "sec-fetch-site": "none" }),
  "a link, which brings no token": get("/", { ...VISIT, "sec-fetch-site": "cross-site" }),
  "a part of the page": (target) =>
    get(target.asset, { "sec-fetch-site": "same-origin", "sec-fetch-dest": "script" })(target),
  "a program": get("/"),
  "by the name localhost": ({ port }) => written("GET / HTTP/1.1", { host: `localhost:${port}` }),
  "a call": call({}),
  "a call with a character set": type("application/json; charset=utf-8"),
  "a status": body('{"service": 0}'),
});

/** Sends bytes as they are; resolves to all that comes back. */
export async function sendRaw(port: number, bytes: Buffer | string): Promise<string> {
  return await new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => void socket.write(bytes));
    const done = (): void => resolve(Buffer.concat(parts).toString("latin1"));
    socket
      .on("data", (part) => {
        parts.push(part);
        // A kept connection stays open behind a good answer.
        if (isWhole(Buffer.concat(parts).toString("latin1"))) socket.destroy();
      })
      .on("error", done)
      .on("close", done);
  });
}

function isWhole(text: string): boolean {
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return false;
  return length === undefined ? text.endsWith("0\r\n\r\n") : text.length - headEnd - 4 >= Number(length);
}

/** The status of the first answer; 0: there is none. */
export function statusIn(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

/** Sends one of each kind; resolves to those that came through, or were refused in another way than they should be. */
export async function attack(target: Target, kinds: Readonly<Record<string, Kind>>): Promise<Attack> {
  const found: Attack = { sent: 0, through: [], otherwise: [] };
  const rest = Object.entries(kinds);
  const one = async ([name, { status, send }]: [string, Kind]): Promise<void> => {
    const answer = await sendRaw(target.port, send(target));
    const got = statusIn(answer);
    found.sent++;
    // A second answer on the same connection is one to a request that hid behind another.
    const answers = answer.split(/HTTP\/1\.1 \d{3} /).length - 1;
    if ((got > 0 && got < 400) || answers > 1 || /access-control-/i.test(answer) || answer.includes(target.token))
      found.through.push(name);
    if (!status.includes(got)) found.otherwise.push(`${name}: ${got}, not ${status.join(" or ")}`);
  };
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await one(next);
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return found;
}

interface Attack {
  sent: number;
  /** Kinds that were let in. */
  through: string[];
  otherwise: string[];
}
