import { createHash } from "node:crypto";
import { connect } from "node:net";
import { within } from "drayage-clock";
import { type Answer, ask, type Question, type Replica } from "../ask.ts";
import { inHttpWords } from "../h2/grpc.ts";
import { Http2Line } from "../h2/line.ts";
import { hostHeader } from "../host.ts";
import { compareBodies } from "../shadow/compare.ts";
import type { AlertSettings } from "./settings.ts";

type Golden = AlertSettings["golden"][number];

const PATIENCE_MS = 60_000;

/** Asks a replica a golden request, by its own name or `host`; resolves to what is wrong with the answer, undefined when nothing is. */
export async function askGolden(
  golden: Golden,
  at: Replica & { protocol?: string | undefined },
  host?: string,
): Promise<string | undefined> {
  const { method, path, headers, status } = golden;
  const said = `${method} ${path}`;
  try {
    const sent = sentBy(golden);
    const own = sent === undefined ? {} : { "content-type": sent.type, "content-length": sent.body.length };
    const question = {
      method,
      path,
      headers: { ...hostHeader(host), ...own, ...headers },
      ...(sent === undefined ? {} : { body: sent.body }),
    };
    const answer = await (at.protocol === "h2c"
      ? askByHttp2(at, question)
      : ask(at, question, { withinMs: PATIENCE_MS }));
    if (answer.status !== status) return `${said} says ${answer.status} instead of ${status}`;
    const wrong = wrongIn(golden, answer);
    return wrong === undefined ? undefined : `${said}: ${wrong}`;
  } catch (error) {
    return `${said}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function askByHttp2(
  { address, port }: Replica,
  question: Question & { body?: Buffer },
): Promise<Omit<Answer, "ms">> {
  using line = new Http2Line(() => Promise.resolve(connect(port, address)));
  const answer = await within(PATIENCE_MS, undefined, (signal) => line.ask(question, signal));
  return { ...inHttpWords(answer), type: answer.headers["content-type"] ?? "" };
}

function sentBy({ body, payload }: Golden): { type: string; body: Buffer } | undefined {
  if (payload !== undefined) return { type: payload.type, body: Buffer.from(payload.base64, "base64") };
  return body === undefined ? undefined : { type: "application/json", body: Buffer.from(body) };
}

/** What is not as expected, the first of it; fields of JSON that nobody expects may be anything. */
export function wrongIn(golden: Golden, { body, type = "" }: { body: Buffer; type?: string }): string | undefined {
  const { answer, text, sha256, tolerance } = golden;
  const media = (type.split(";")[0] ?? "").trim().toLowerCase();
  if (golden.type !== undefined && media !== golden.type)
    return `the answer is ${media === "" ? "of no content type" : media} instead of ${golden.type}`;
  // Editors put a line break at the end of a text by themselves.
  if (text !== undefined && String(body).trimEnd() !== text.trimEnd()) return "the body is another text";
  if (sha256 !== undefined && createHash("sha256").update(body).digest("hex") !== sha256)
    return "the body has another SHA-256";
  if (answer === undefined) return undefined;
  const wrong = compareBodies(answer, String(body), tolerance).find((each) => each.live !== "missing");
  return wrong === undefined ? undefined : `${wrong.at} is ${wrong.shadow} instead of ${wrong.live}`;
}
