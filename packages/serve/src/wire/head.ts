/** What a head says that matters to an answer; everything else in it was looked at, and changes nothing. */
export interface Head {
  /** Bytes of the body. */
  length: number;
  /** The caller's own id for the request. */
  id: string | undefined;
  /** What the caller unpacks. */
  packings: string | undefined;
}

/** Which heads are taken. */
export interface HeadRules {
  route: string;
  /** Bytes of a body; a larger one is not taken. */
  body: number;
  /** Is traceparent of no meaning here, as nobody is told of traces? */
  untraced: boolean;
}

/** Nothing after a space at either end, and nothing but the characters that every reader of HTTP reads alike. */
const LINE = /^([\w-]+): ([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/;
const LENGTH = /^[1-9]\d{0,6}$/;
const JSON_TYPES = new Set([
  "application/json",
  "application/json; charset=utf-8",
  "application/json;charset=utf-8",
  "application/json; charset=UTF-8",
  "application/json;charset=UTF-8",
]);

type Told = Map<string, string>;

/** Does this value of the header leave the request one that is taken? */
const MATTERS: Record<string, (value: string, rules: HeadRules) => boolean> = {
  accept: (value) => !value.includes("text/csv"),
  connection: (value) => value === "keep-alive" || value === "Keep-Alive",
  "content-length": (value, { body }) => LENGTH.test(value) && Number(value) <= body,
  "content-type": (value) => JSON_TYPES.has(value),
  traceparent: (_value, { untraced }) => untraced,
};

/** Headers that no answer of the route depends on, and that mean nothing to HTTP itself. */
const MEANS_NOTHING: ReadonlySet<string> = new Set(
  (
    "host x-request-id accept-encoding accept-language authorization cache-control cookie dnt forwarded origin pragma priority referer " +
    "sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site tracestate user-agent via " +
    "x-api-key x-dray-key x-forwarded-for x-forwarded-host x-forwarded-port x-forwarded-prefix x-forwarded-proto x-real-ip"
  ).split(" "),
);

/** Begins every request that is taken. */
export function requestLine(route: string): string {
  return `POST ${route} HTTP/1.1\r\n`;
}

/**
 * Reads a head: the request's first line, headers, and the empty line that ends them. Says undefined to whatever it
 * does not understand in full; who asks hands the connection to node:http then, which does.
 */
export function readHead(text: string, rules: HeadRules): Head | undefined {
  const first = requestLine(rules.route);
  if (!text.startsWith(first) || !text.endsWith("\r\n\r\n")) return undefined;
  const told: Told = new Map();
  for (const line of text.slice(first.length, -4).split("\r\n")) {
    const [, spelt = "", value = ""] = LINE.exec(line) ?? [];
    const name = spelt.toLowerCase();
    // A header that comes twice is read in as many ways as there are readers.
    if (told.has(name) || !isTaken(name, value, rules)) return undefined;
    told.set(name, value);
  }
  const length = told.get("content-length");
  if (length === undefined || !told.has("host") || !told.has("content-type")) return undefined;
  return { length: Number(length), id: told.get("x-request-id"), packings: told.get("accept-encoding") };
}

function isTaken(name: string, value: string, rules: HeadRules): boolean {
  const allows = Object.hasOwn(MATTERS, name) ? MATTERS[name] : undefined;
  return allows === undefined ? MEANS_NOTHING.has(name) : allows(value, rules);
}
