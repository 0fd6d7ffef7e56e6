/** One real request and the answer it got, as the edge tells of it. */
export interface Copy {
  service: string;
  method: string;
  /** Path and query. */
  path: string;
  headers: [string, string][];
  /** Is it for a release under test; is it to be kept? */
  shadow: boolean;
  keep: boolean;
  /** Which release answered, and the request's id. */
  release: string;
  id: string;
  body: Buffer;
  answer: { status: number; ms: number; body: Buffer };
}

/** What belongs to one connection, or is made anew for the copy. */
const OWN =
  /^(host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|accept-encoding)$/i;

const decoded = (text: string): Buffer => Buffer.from(text === "-" ? "" : text, "base64");

/**
 * Reads a line that the edge's `do-log` sent: service, what it is for, server, id, method, status, milliseconds, then
 * path, headers, body and answer in base64, `-` where there is none. Undefined for what is no such line.
 */
export function parseCopy(line: string): Copy | undefined {
  const [mark, service, shadow, keep, server = "", id = "", method, status, ms, path, headers, body, answer] = line
    .trim()
    .split(" ");
  if (mark !== "copy" || service === undefined || method === undefined || answer === undefined) return undefined;
  return {
    service,
    shadow: shadow === "1",
    keep: keep === "1",
    release: server.split(".")[0] ?? "",
    id,
    method,
    path: decoded(path ?? "").toString("latin1") || "/",
    headers: decoded(headers ?? "")
      .toString("latin1")
      .split("\r\n")
      .flatMap((each): [string, string][] => {
        const [, name, value] = /^([^:]+):\s*(.*)$/.exec(each) ?? [];
        return name === undefined || OWN.test(name) ? [] : [[name, value ?? ""]];
      }),
    body: decoded(body ?? ""),
    answer: { status: Number(status), ms: Number(ms), body: decoded(answer) },
  };
}
