import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Alerts } from "./alerts/alerts.ts";
import { Certificates } from "./certificates/certificates.ts";
import { Haproxy } from "./haproxy.ts";
import { Hung } from "./hung.ts";
import { LogFile } from "./numbers/log-file.ts";
import { Numbers } from "./numbers/numbers.ts";
import { Prometheus } from "./numbers/prometheus.ts";
import { receive } from "./numbers/receiver.ts";
import { takeCopies } from "./copies.ts";
import { type Keeping, keepingOf, Requests } from "./requests.ts";
import { serve } from "./server.ts";
import { Shadows } from "./shadow/shadows.ts";
import type { Secrets } from "./secrets.ts";
import { type KeeperStatus, readIfThere, replaceFile } from "./status.ts";
import { type KeeperWish, wishOf } from "./wish.ts";

const LOOK_MS = 500;

const log = (text: string): void => void process.stdout.write(`${new Date().toISOString()} ${text}\n`);

interface Read {
  rev: number;
  wish: KeeperWish;
  keeping: Map<string, Keeping>;
}

/** What the state's file holds; undefined while there is none, or a torn one. */
async function readWish(home: string): Promise<Read | undefined> {
  const text = await readIfThere(path.join(home, "state.json"));
  if (text === undefined) return undefined;
  try {
    return { rev: (JSON.parse(text) as { rev: number }).rev, wish: wishOf(text), keeping: keepingOf(text) };
  } catch (error) {
    log(`the edge's state cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Keeps what is wanted, until it is told to end. */
export async function keep(home: string, secrets: Secrets): Promise<void> {
  const haproxy = new Haproxy(path.join(home, "admin.sock"));
  const certificates = new Certificates(home, haproxy, log);
  const hung = new Hung(home, haproxy, log);
  const shadows = new Shadows(home, log);
  const startedAt = new Date().toISOString();
  const stopped = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.abort());
  await secrets.unfoldAll();
  await certificates.prepare();
  const [numbers, prometheus] = [new Numbers(home, log), new Prometheus()];
  const alerts = new Alerts(home, secrets, numbers, log);
  await numbers.load();
  const receiver = await receive(home, new LogFile(home), [numbers, prometheus, hung]);
  const server = await serve({ challenges: certificates.challenges, numbers, prometheus });
  const requests = new Requests(home);
  const copies = await takeCopies((copy) => {
    if (copy.shadow) shadows.take(copy);
    if (copy.keep) requests.take(copy);
  });
  log("the keeper is up");
  let said = "";
  while (!stopped.signal.aborted) {
    numbers.tick();
    hung.tick();
    alerts.tick(certificates.statuses());
    const read = await readWish(home);
    if (read !== undefined) {
      await certificates.want(read.wish.certificates);
      await shadows.want(read.wish.shadows);
      requests.want(read.keeping);
      await requests.flush();
      const status: KeeperStatus = { v: 1, startedAt, rev: read.rev, certificates: certificates.statuses() };
      const text = JSON.stringify(status);
      if (text !== said) await replaceFile(path.join(home, "keeper-status.json"), text);
      said = text;
    }
    await sleep(LOOK_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
  }
  await shadows.close();
  await receiver.close();
  copies.close();
  await requests.flush();
  await numbers.flush();
  server.close();
  log("the keeper ends");
}
