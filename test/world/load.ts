import http from "node:http";

/** What a steady load met. */
export interface Load {
  sent: number;
  failed: number;
  /** How many answers came from each release. */
  releases: Map<string, number>;
  problems: string[];
}

/** Calls `url` at a constant rate, open loop (a slow answer does not slow the next call), until stopped. */
export function startLoad(
  url: string,
  perSecond: number,
  headers: Record<string, string> = {},
): { stop: () => Promise<Load> } {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const load: Load = { sent: 0, failed: 0, releases: new Map(), problems: [] };
  const open = new Set<Promise<void>>();
  const call = (): Promise<void> =>
    new Promise((resolve) => {
      const fail = (why: string): void => {
        load.failed++;
        if (load.problems.length < 10) load.problems.push(why);
        resolve();
      };
      const request = http.get(url, { agent, headers, timeout: 10_000 }, (answer) => {
        const release = String(answer.headers["x-dray-release"]);
        load.releases.set(release, (load.releases.get(release) ?? 0) + 1);
        answer.resume();
        answer.once("end", () => (answer.statusCode === 200 ? resolve() : fail(`status ${answer.statusCode}`)));
        answer.once("error", (error) => fail(error.message));
      });
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
