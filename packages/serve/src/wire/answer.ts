import { JSON_TYPE } from "../http/form.ts";

const SECOND_MS = 1000;

let second = 0;
let date = "";

/** As node:http writes it; made once a second. */
function today(): string {
  const now = Date.now();
  if (now >= second && now < second + SECOND_MS) return date;
  second = now - (now % SECOND_MS);
  date = new Date(now).toUTCString();
  return date;
}

/** Writes answers as node:http writes them, to the byte. */
export type WriteAnswer = (json: string, id: string) => string;

export function answerWriter(keepAliveMs: number): WriteAnswer {
  const before = `HTTP/1.1 200 OK\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: `;
  const after = `\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / SECOND_MS)}\r\n\r\n`;
  return (json, id) => `${before}${Buffer.byteLength(json)}\r\nx-request-id: ${id}\r\nDate: ${today()}${after}${json}`;
}
