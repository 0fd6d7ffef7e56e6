import http from "node:http";

const EVERY_MS = 5;
const TIMEOUT_MS = 10_000;
const PROBLEMS = 10;
/** What is in flight while releases change: an answer that takes half a minute, and a stream of that length. */
const LONG = ["/slow?s=30", "/stream?s=30"];

/** What clients of a service met since it was asked first. */
export interface Traffic extends AsyncDisposable {
  sent: number;
  failed: number;
  /** Long answers that broke, and those that were whole. */
  cut: number;
  whole: number;
  /** Why the first of them failed, in the words of whoever refused. */
  problems: string[];
  /** When the last answer of a version came, as `performance.now()` has it. */
  lastOf(version: string): number | undefined;
  /** Begins to ask, and stops; long answers go on in between. */
  start(): void;
  stop(): Promise<void>;
  /** Begins one of each long answer. */
  hold(): void;
}

/** Asks `url` at a constant rate whatever the answers take, each of which says its version. */
export function openTraffic(url: string, perSecond: number): Traffic {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 128 });
  const last = new Map<string, number>();
  const open = new Set<Promise<void>>();
  const long = new Set<Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  const fail = (why: string): void => {
    if (it.problems.length < PROBLEMS) it.problems.push(why);
  };
  const one = async (): Promise<void> => {
    const said = await answered(`${url}/`, { agent, timeout: TIMEOUT_MS }, fail);
    const version = said === undefined ? undefined : versionIn(said);
    if (version === undefined) it.failed++;
    else last.set(version, performance.now());
  };
  const it: Traffic = {
    sent: 0,
    failed: 0,
    cut: 0,
    whole: 0,
    problems: [],
    lastOf: (version) => last.get(version),
    start: () => {
      last.clear();
      const [begun, before] = [performance.now(), it.sent];
      timer = setInterval(() => {
        const due = before + Math.floor(((performance.now() - begun) / 1000) * perSecond);
        for (; it.sent < due; it.sent++) kept(open, one());
      }, EVERY_MS);
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
    },
    hold: () => {
      for (const path of LONG)
        kept(
          long,
          answered(`${url}${path}`, { agent: false }, fail).then(
            (said) => void (said === undefined ? it.cut++ : it.whole++),
          ),
        );
    },
    [Symbol.asyncDispose]: async () => {
      await it.stop();
      await Promise.all(long);
      agent.destroy();
    },
  };
  return it;
}

function kept(all: Set<Promise<void>>, one: Promise<void>): void {
  all.add(one);
  void one.finally(() => all.delete(one));
}

/** The whole body of a good answer. */
function answered(url: string, options: http.RequestOptions, fail: (why: string) => void): Promise<string | undefined> {
  return new Promise((resolve) => {
    const failed = ({ message }: Error): void => {
      fail(message);
      resolve(undefined);
    };
    const request = http.get(url, options, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      answer.once("end", () => {
        if (answer.statusCode === 200 && answer.complete) return resolve(body);
        failed(new Error(`status ${answer.statusCode} ${body.slice(0, 80)}`));
      });
      answer.once("error", failed);
    });
    request.once("timeout", () => request.destroy(new Error("timeout")));
    request.once("error", failed);
  });
}

function versionIn(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { version?: string }).version;
  } catch {
    return undefined;
  }
}
