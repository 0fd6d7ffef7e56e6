import { shellWord } from "./words.ts";

/** A request as it stands in the form; `release`: empty where it goes to where clients call. */
export interface Typed {
  method: string;
  path: string;
  body: string;
  release: string;
}

/** The body in one line, where it is JSON. */
function short(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    return body;
  }
}

/** The call that sends it. */
export function requestOf({ method, path, body, release }: Typed): object {
  return { method, path, ...(body === "" ? {} : { body: short(body) }), ...(release === "" ? {} : { release }) };
}

/** The command that it equals. */
export function commandOf({ method, path, body, release }: Typed, file: string): string {
  const parts = [
    `dray request -X ${method} --path ${shellWord(path)}`,
    ...(body === "" ? [] : [`-d ${shellWord(short(body))}`]),
    ...(release === "" ? [] : [`--release ${shellWord(release)}`]),
    `--file ${shellWord(file)}`,
  ];
  return parts.join(" ");
}

/** The same without dray. */
export function curlOf({ method, path, body }: Typed, base: string, needsKey: boolean): string {
  const type =
    short(body) !== body || /^["[{\d]|^(true|false|null)$/.test(body.trim()) ? "application/json" : "text/plain";
  const parts = [
    `curl -X ${method} ${shellWord(`${base.replace(/\/$/, "")}${path}`)}`,
    ...(needsKey ? ['-H "authorization: Bearer $KEY"'] : []),
    ...(body === "" ? [] : [`-H 'content-type: ${type}'`, `-d ${shellWord(short(body))}`]),
  ];
  return parts.join(" ");
}
