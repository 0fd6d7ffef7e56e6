import { ask, type Replica } from "../ask.ts";
import { hostHeader } from "../host.ts";
import { compareBodies } from "../shadow/compare.ts";
import type { AlertSettings } from "./settings.ts";

type Golden = AlertSettings["golden"][number];

const PATIENCE_MS = 60_000;

/** Asks a replica a golden request, by its own name or `host`; resolves to what is wrong with the answer, undefined when nothing is. */
export async function askGolden(golden: Golden, at: Replica, host?: string): Promise<string | undefined> {
  const { method, path, headers, body, status } = golden;
  const said = `${method} ${path}`;
  try {
    const own = body === undefined ? {} : { "content-type": "application/json", ...lengthOf(body) };
    const question = {
      method,
      path,
      headers: { ...hostHeader(host), ...own, ...headers },
      ...(body === undefined ? {} : { body }),
    };
    const answer = await ask(at, question, { withinMs: PATIENCE_MS });
    if (answer.status !== status) return `${said} says ${answer.status} instead of ${status}`;
    const wrong = wrongIn(golden, String(answer.body));
    return wrong === undefined ? undefined : `${said}: ${wrong}`;
  } catch (error) {
    return `${said}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const lengthOf = (body: string): Record<string, number> => ({ "content-length": Buffer.byteLength(body) });

/** The first field that is not as expected; those that nobody expects may be anything. */
export function wrongIn({ answer, tolerance }: Golden, got: string): string | undefined {
  if (answer === undefined) return undefined;
  const wrong = compareBodies(answer, got, tolerance).find((each) => each.live !== "missing");
  return wrong === undefined ? undefined : `${wrong.at} is ${wrong.shadow} instead of ${wrong.live}`;
}
