import http from "node:http";

/** What a steady load met. */
export interface Load {
  sent: number;
  failed: number;
  /** How many answers came from each release, and how many of those were no good. */
  releases: Map<string, number>;
  bad: Map<string, number>;
  problems: string[];
  /** Of the answers, in milliseconds. */
  times: number[];
  /** From the first request that failed to the last, as they were sent: one that waits in vain is late in saying so. */
  outageMs: number;
  /** When the last that failed was sent, as `performance.now()` tells it. */
  failedAt: number;
}

/** A request with a body, and what its answer must have in it. */
interface Post {
  body: string;
  expect: string;
}

/** Calls `url` at a constant rate, open loop (a slow answer does not slow the next call), until stopped. */
export function startLoad(
  url: string,
  perSecond: number,
  headers: Record<string, string> = {},
  post?: Post,
): { stop: () => Promise<Load> } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const load: Load = {
    sent: 0,
    failed: 0,
    releases: new Map(),
    bad: new Map(),
    problems: [],
    times: [],
    outageMs: 0,
    failedAt: 0,
  };
  const open = new Set<Promise<void>>();
  let firstFailure: number | undefined;
  const call = (): Promise<void> =>
    new Promise((resolve) => {
      const startedAt = performance.now();
      const fail = (why: string): void => {
        load.failed++;
        firstFailure = Math.min(firstFailure ?? startedAt, startedAt);
        load.failedAt = Math.max(load.failedAt, startedAt);
        load.outageMs = Math.round(load.failedAt - firstFailure);
        if (load.problems.length < 10) load.problems.push(why);
        resolve();
      };
      const method = post === undefined ? "GET" : "POST";
      const length = post === undefined ? {} : { "content-length": String(Buffer.byteLength(post.body)) };
      const request = http.request(
        url,
        { method, agent, headers: { ...headers, ...length }, timeout: 10_000 },
        (answer) => {
          const release = String(answer.headers["x-dray-release"]);
          load.releases.set(release, (load.releases.get(release) ?? 0) + 1);
          let said = "";
          answer.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
          answer.once("end", () => {
            load.times.push(performance.now() - startedAt);
            if (answer.statusCode === 200 && said.includes(post?.expect ?? "")) return resolve();
            load.bad.set(release, (load.bad.get(release) ?? 0) + 1);
            fail(`status ${answer.statusCode} ${said.slice(0, 80)}`);
          });
          answer.once("error", (error) => fail(error.message));
        },
      );
      request.end(post?.body);
      request.once("timeout", () => request.destroy(new Error("timeout")));
      request.once("error", (error) => fail(error.message));
    });
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    while (load.sent < due) {
      load.sent++;
      const one = call();
      open.add(one);
      void one.finally(() => open.delete(one));
    }
  }, 5);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      agent.destroy();
      return load;
    },
  };
}
