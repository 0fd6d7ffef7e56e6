import { file } from "./script.ts";
import { HOME } from "./state.ts";

/** Bytes of a request's headers, and how many there may be: at least what the common servers take. */
const HEADER_BYTES = 32_768;
const HEADERS = 200;
/** What HAProxy itself holds: above it a request cannot be read far enough to be given an id. */
const BUFFER_BYTES = 49_152;
const MOST_HEADERS = 256;
/** The id of what could not be read: such rows of the log are found by it, the caller's address and the time. */
const UNREAD = "unread";

/** What one of the edge's own answers says. */
interface Answer {
  status: number;
  /** What was wrong, in a sentence. */
  title: string;
  /** The manifest's key that moves the limit which was met. */
  limit?: string;
}

/** Pages of ours run nothing, are shown in no frame, and are what they say they are. */
const SAFE: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
};
const JSON_TYPE = "application/problem+json";

/** RFC 9457's problem details, with the limit and the request's id beside them. */
function problem({ status, title, limit }: Answer, requestId: string): string {
  return JSON.stringify({ status, title, ...(limit === undefined ? {} : { limit }), requestId });
}

/** A text in HAProxy's configuration: in quotes, and `%` only where a value is meant. */
function quoted(answer: Answer): string {
  const text = problem({ ...answer, title: answer.title.replaceAll("%", "%%") }, "%[unique-id]");
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}\\n"`;
}

function headers(more: Readonly<Record<string, string>>): string {
  return Object.entries({ ...SAFE, ...more })
    .map(([name, value]) => ` hdr ${name} "${value}"`)
    .join("");
}

/** An answer of the edge's own, as a rule. */
export function refuse(answer: Answer, more: Readonly<Record<string, string>> = {}): string {
  return `http-request return status ${answer.status} content-type ${JSON_TYPE}${headers(more)} lf-string ${quoted(answer)}`;
}

/** What HAProxy is to say instead of its own page when it cannot go on with a request. */
function insteadOf(answer: Answer): string {
  return `  http-error status ${answer.status} content-type ${JSON_TYPE}${headers({})} lf-string ${quoted(answer)}`;
}

/** What a backend says when its replicas do not answer. */
export function failures(limits: { timeoutMs?: number; concurrency?: number | undefined }, byPath: boolean): string[] {
  const seconds = (limits.timeoutMs ?? 60_000) / 1000;
  const busy = limits.concurrency === undefined ? "" : "; all of them may be busy";
  return [
    { status: 400, title: "the request is not valid HTTP" },
    { status: 408, title: "the request did not come whole within 30 s" },
    { status: 500, title: "the edge could not go on with the request" },
    { status: 502, title: "the API closed the connection, or what it answered is not valid HTTP" },
    {
      status: 503,
      title: `no replica took the request${busy}`,
      ...(limits.concurrency === undefined ? {} : { limit: "limits.concurrency" }),
    },
    {
      status: 504,
      title: `the API did not answer within ${byPath ? "the path's time" : `${seconds} s`}`,
      limit: byPath ? "timeouts, limits.timeout" : "limits.timeout",
    },
  ].map(insteadOf);
}

/** Requests with more in their heads than HAProxy is to hand on. */
export function headRules(): string[] {
  const large = { status: 431, title: `at most ${HEADERS} headers, and ${HEADER_BYTES} bytes of them` };
  return [
    `  ${refuse(large)} if { req.hdr_cnt gt ${HEADERS} } or { req.hdrs,length gt ${HEADER_BYTES} }`,
    // Nobody has to be told its own request, and no tunnel goes through the edge.
    `  ${refuse({ status: 405, title: "the edge takes neither CONNECT nor TRACE" }, { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" })} if { method CONNECT TRACE }`,
  ];
}

/** HAProxy's room for heads of requests and of answers. */
export const ROOM: readonly string[] = [`  tune.bufsize ${BUFFER_BYTES}`, `  tune.http.maxhdr ${MOST_HEADERS}`];

/** What cannot be read as HTTP is answered before any rule is asked: with these bytes. */
const UNREADABLE: readonly Answer[] = [
  {
    status: 400,
    title: `this cannot be read as HTTP: what is not ASCII in a path has to be percent-encoded, and there may be at most ${HEADERS} headers`,
  },
  { status: 408, title: "the request's head did not come whole within 30 s" },
  { status: 414, title: `an address of at most ${HEADER_BYTES} bytes` },
  { status: 431, title: `at most ${HEADERS} headers, and ${HEADER_BYTES} bytes of them` },
];
/** The newer ones of them: an HAProxy that does not know them yet says 400. */
const SINCE = "3.2.26";

const unreadableFile = (status: number): string => `unread-${status}.http`;

/** Lines of the defaults that name the files of `unreadableFiles`. */
export function unreadableLines(): string[] {
  const named = ({ status }: Answer): string => `  errorfile ${status} ${HOME}/${unreadableFile(status)}`;
  const isOld = ({ status }: Answer): boolean => status === 400 || status === 408;
  return [
    ...UNREADABLE.filter(isOld).map(named),
    `.if version_atleast(${SINCE})`,
    ...UNREADABLE.filter((each) => !isOld(each)).map(named),
    ".endif",
  ];
}

/** Lines of bash that write the answers to what cannot be read: whole HTTP messages. */
export function unreadableFiles(): string[] {
  return UNREADABLE.map((answer) => {
    const body = `${problem(answer, UNREAD)}\n`;
    const head = { ...SAFE, "content-type": JSON_TYPE, "x-request-id": UNREAD, connection: "close" };
    const lines = Object.entries({ ...head, "content-length": String(body.length) });
    const text = ["HTTP/1.1 " + answer.status + " ", ...lines.map(([name, value]) => `${name}: ${value}`), "", body];
    return file(unreadableFile(answer.status), text.join("\r\n"));
  });
}
