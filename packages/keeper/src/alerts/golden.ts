import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";
import { compareBodies } from "../shadow/compare.ts";
import type { AlertSettings } from "./settings.ts";

type Golden = AlertSettings["golden"][number];

const PATIENCE_MS = 60_000;

/** Asks a replica a golden request; resolves to what is wrong with the answer, undefined when nothing is. */
export async function askGolden(golden: Golden, at: { address: string; port: number }): Promise<string | undefined> {
  const { method, path, headers, body, status } = golden;
  const said = `${method} ${path}`;
  try {
    const request = http.request({
      host: at.address,
      port: at.port,
      method,
      path,
      agent: false,
      timeout: PATIENCE_MS,
      headers: {
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        ...headers,
      },
    });
    request.once("timeout", () => request.destroy(new Error("no answer")));
    request.end(body);
    const [answer] = (await once(request, "response")) as [http.IncomingMessage];
    const got = await text(answer);
    if (answer.statusCode !== status) return `${said} says ${answer.statusCode} instead of ${status}`;
    const wrong = wrongIn(golden, got);
    return wrong === undefined ? undefined : `${said}: ${wrong}`;
  } catch (error) {
    return `${said}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The first field that is not as expected; those that nobody expects may be anything. */
export function wrongIn({ answer, tolerance }: Golden, got: string): string | undefined {
  if (answer === undefined) return undefined;
  const wrong = compareBodies(answer, got, tolerance).find((each) => each.live !== "missing");
  return wrong === undefined ? undefined : `${wrong.at} is ${wrong.shadow} instead of ${wrong.live}`;
}
