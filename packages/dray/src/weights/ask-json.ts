import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { explainFetch } from "./ask.ts";

const PATIENCE_MS = 30_000;

/** Asks a source about its files. @throws Failure weights.refused, weights.missing, weights.unreachable */
export async function askSource(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  return await within(PATIENCE_MS, signal, async (limit) => {
    const answer = await fetch(url, { headers, signal: limit }).catch((error: unknown) => {
      signal.throwIfAborted();
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw explainFetch("unreachable", `${new URL(url).host}: ${cause}`, "this computer", error);
    });
    if (answer.ok) return new Response(await answer.arrayBuffer(), { headers: answer.headers });
    const said = (await answer.text()).replaceAll(/\s+/g, " ").trim().slice(0, 200);
    const text = `${new URL(url).host} answers ${answer.status}${said === "" ? "" : `: ${said}`}`;
    throw explainFetch(whyOf(answer.status), text, "this computer");
  });
}

function whyOf(status: number): "refused" | "missing" | "cut" {
  if (status === 401 || status === 403) return "refused";
  return status >= 400 && status < 500 && status !== 429 ? "missing" : "cut";
}

/** What a source has none of. */
export function noFiles(from: string): Failure {
  return new Failure("weights.missing", `${from} has no files, or none that only: names`, {
    hint: "a folder of a bucket ends with a slash",
  });
}
