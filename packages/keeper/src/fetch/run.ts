import type { Readable } from "node:stream";
import { orAborted } from "drayage-clock";
import { fetchAll } from "./fetch.ts";
import { WeightsFolder } from "./folder.ts";
import { Inbox } from "./inbox.ts";
import { FetchError, type FetchJob, type FetchNews } from "./job.ts";

/**
 * Fetches what standard input asks for, and tells of it on standard output. It ends when nobody waits any more: what has
 * come stays, and the next run goes on from there.
 */
export async function runFetch(root: string, input: Readable, say: (line: string) => void): Promise<boolean> {
  const inbox = new Inbox(input);
  const stop = new AbortController();
  const tell = (news: FetchNews): void => say(`${JSON.stringify(news)}\n`);
  try {
    const job = JSON.parse((await heard(inbox, stop.signal)) ?? "") as FetchJob;
    const given = job.files.some(({ url }) => url === undefined);
    if (!given) void watch(inbox, stop);
    const bring = async ({ path }: { path: string }, from: number): ReturnType<typeof answerTo> => {
      tell({ type: "need", path, from });
      return await answerTo(inbox, stop.signal);
    };
    const work = fetchAll(job, new WeightsFolder(root), { tell, bring, signal: stop.signal });
    await orAborted(work, stop.signal);
    return true;
  } catch (error) {
    // The others need not go on.
    stop.abort();
    const why = error instanceof FetchError ? error.why : "cut";
    tell({ type: "failed", why, text: error instanceof Error ? error.message : String(error) });
    return false;
  }
}

async function answerTo(inbox: Inbox, signal: AbortSignal): Promise<{ bytes: number; stream: AsyncIterable<Buffer> }> {
  const { bytes } = JSON.parse((await heard(inbox, signal)) ?? '{"bytes":0}') as { bytes: number };
  return { bytes, stream: inbox.bytes(bytes) };
}

async function heard(inbox: Inbox, signal: AbortSignal): Promise<string | undefined> {
  return await orAborted(inbox.line(), signal);
}

async function watch(inbox: Inbox, stop: AbortController): Promise<void> {
  try {
    while ((await heard(inbox, stop.signal)) !== undefined);
  } catch {
    // Silence is the same as an end.
  }
  stop.abort(new FetchError("gone", "nobody waits for the weights any more"));
}
