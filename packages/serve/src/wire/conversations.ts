// What one connection says from its first byte to its last, for a server that reads fast and for one that does not.

const BYE = "GET /health/live HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

const JSON_TYPE = "content-type: application/json";

interface Said {
  body: string;
  headers?: readonly string[];
  first?: string;
}

/** A request in latin1. */
export function said({
  body,
  headers = [JSON_TYPE, "x-request-id: caller-0"],
  first = "POST /decisions HTTP/1.1",
}: Said): string {
  return [
    first,
    "host: a",
    ...headers,
    `content-length: ${Buffer.byteLength(body)}`,
    "",
    Buffer.from(body).toString("latin1"),
  ].join("\r\n");
}

/** By name; each ends with a request after which the server closes, if it has not before. */
export function conversations(rows: readonly object[]): [string, string][] {
  const [row = {}] = rows;
  const good = said({ body: JSON.stringify(row) });
  const wrong = said({ body: JSON.stringify({ ...row, age: 3 }) });
  const many = JSON.stringify(rows.slice(0, 100));
  const json = JSON_TYPE;
  const withHeader = (...headers: string[]): string => said({ body: JSON.stringify(row), headers: [json, ...headers] });
  const all: Record<string, string> = {
    "a row": good,
    "a row without an id": withHeader(),
    "a list": said({ body: JSON.stringify(rows.slice(0, 3)) }),
    "three at once": good + said({ body: JSON.stringify([row]) }) + good,
    "a wrong row between good ones": good + wrong + good,
    "a wrong row in a list": said({ body: JSON.stringify([row, { ...row, income: "x" }]) }) + good,
    "no JSON": `${good}${said({ body: "{" })}${good}`,
    "no object": said({ body: "7" }),
    "an empty list": said({ body: "[]" }),
    "no body": good + said({ body: "" }),
    "a prototype": said({ body: `{"__proto__": {}, ${JSON.stringify(row).slice(1)}` }),
    "letters beyond ASCII": said({ body: JSON.stringify({ ...row, housing: "Zelt ü 漢" }) }),
    "too many rows": said({ body: JSON.stringify(Array.from({ length: 1025 }, () => 1)) }),
    "a large answer": said({ body: many }) + good,
    "a large answer, packed": said({ body: many, headers: [json, "accept-encoding: gzip, br"] }) + good,
    "a large answer for who unpacks nothing": said({ body: many, headers: [json, "accept-encoding: br"] }) + good,
    "a small answer is not packed": withHeader("accept-encoding: gzip"),
    "CSV for an answer": withHeader("accept: text/csv") + good,
    "an id": withHeader("x-request-id: caller-1"),
    "an id that is none": withHeader("x-request-id: a b"),
    "two ids": withHeader("x-request-id: a", "x-request-id: b"),
    "the caller closes": withHeader("connection: close") + good,
    "the caller stays": withHeader("Connection: keep-alive") + good,
    "continue?": withHeader("expect: 100-continue"),
    "an unknown header": withHeader("x-mine: 1") + good,
    "a trace": withHeader("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") + good,
    "another type": said({ body: JSON.stringify(row), headers: ["content-type: application/vnd.a+json"] }) + good,
    "no type": said({ body: JSON.stringify(row), headers: [] }) + good,
    text: said({ body: JSON.stringify(row), headers: ["content-type: text/plain"] }) + good,
    "packed as nothing known": withHeader("content-encoding: br"),
    "a longer head than is read": withHeader(`cookie: ${"a".repeat(9000)}`) + good,
    "a head that is too long": withHeader(`cookie: ${"a".repeat(20_000)}`),
    "a body in chunks":
      `POST /decisions HTTP/1.1\r\nhost: a\r\n${json}\r\ntransfer-encoding: chunked\r\n\r\n` +
      `${JSON.stringify(row).length.toString(16)}\r\n${JSON.stringify(row)}\r\n0\r\n\r\n${good}`,
    "both lengths": withHeader("transfer-encoding: chunked") + good,
    "two lengths": withHeader("content-length: 3") + good,
    "no host": good.replace("host: a\r\n", ""),
    "two hosts": withHeader("host: b") + good,
    "HTTP 1.0": said({ body: JSON.stringify(row), first: "POST /decisions HTTP/1.0" }) + good,
    "another method": said({ body: "{}", first: "PUT /decisions HTTP/1.1" }) + good,
    "another address": said({ body: JSON.stringify(row), first: "POST /invocations HTTP/1.1" }) + good,
    "a slash more": said({ body: JSON.stringify(row), first: "POST /decisions/ HTTP/1.1" }) + good,
    "a query": said({ body: JSON.stringify(row), first: "POST /decisions?a=1 HTTP/1.1" }) + good,
    "lines without CR": good.replaceAll("\r\n", "\n"),
    "no HTTP": `\u0016\u0003\u0001\u0002\u0000`,
  };
  return Object.entries(all).map(([name, text]) => [name, text + BYE]);
}
