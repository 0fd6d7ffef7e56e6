import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AuditCopy } from "./audit.ts";
import { Alerts } from "./alerts/alerts.ts";
import { Certificates } from "./certificates/certificates.ts";
import { takeCopies } from "./copies.ts";
import { Faults } from "./faults.ts";
import { Haproxy } from "./haproxy.ts";
import { Hung } from "./hung.ts";
import { LogFile } from "./numbers/log-file.ts";
import { Numbers } from "./numbers/numbers.ts";
import { Prometheus } from "./numbers/prometheus.ts";
import { receive } from "./numbers/receiver.ts";
import { type Keeping, keepingOf, Requests } from "./requests.ts";
import { serve } from "./server.ts";
import { Shadows } from "./shadow/shadows.ts";
import type { Secrets } from "./secrets.ts";
import type { KeeperStatus } from "drayage-record";
import { type Collectors, collectorsOf, Spans } from "./spans/spans.ts";
import { readIfThere, replaceFile } from "./status.ts";
import { type KeeperWish, wishOf } from "./wish.ts";

const LOOK_MS = 500;

const log = (text: string): void => void process.stdout.write(`${new Date().toISOString()} ${text}\n`);

interface Read {
  rev: number;
  wish: KeeperWish;
  keeping: Map<string, Keeping>;
  collectors: Collectors;
}

/** What the state's file holds; undefined while there is none. @throws where it is a torn one */
async function readWish(home: string): Promise<Read | undefined> {
  const text = await readIfThere(path.join(home, "state.json"));
  if (text === undefined) return undefined;
  return {
    rev: (JSON.parse(text) as { rev: number }).rev,
    wish: wishOf(text),
    keeping: keepingOf(text),
    collectors: collectorsOf(text),
  };
}

/** Everything that the keeper does, and how it ends. */
interface Parts {
  home: string;
  faults: Faults;
  certificates: Certificates;
  hung: Hung;
  shadows: Shadows;
  numbers: Numbers;
  alerts: Alerts;
  requests: Requests;
  spans: Spans;
  audit: AuditCopy | undefined;
}

/** Keeps what is wanted, until it is told to end. `own`: a folder that the edge has not, where there is one. */
export async function keep(home: string, own: string | undefined, secrets: Secrets): Promise<void> {
  const startedAt = new Date().toISOString();
  const faults = new Faults(log);
  faults.watch(process);
  const stopped = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopped.abort());
  const parts = { ...partsOf(home, secrets, faults), audit: own === undefined ? undefined : new AuditCopy(home, own) };
  await faults.guard("secrets", () => secrets.unfoldAll((where, error) => faults.note(where, error)));
  await faults.guard("certificates", () => parts.certificates.prepare());
  await faults.guard("numbers", () => parts.numbers.load());
  const close = await opened(parts, stopped.signal);
  log("the keeper is up");
  let said = "";
  while (!stopped.signal.aborted) {
    said = await look(parts, startedAt, said);
    await sleep(LOOK_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
  }
  await close();
  log("the keeper ends");
}

function partsOf(home: string, secrets: Secrets, faults: Faults): Omit<Parts, "audit"> {
  const haproxy = new Haproxy(path.join(home, "admin.sock"));
  const numbers = new Numbers(home, log);
  return {
    home,
    faults,
    certificates: new Certificates(home, haproxy, log),
    hung: new Hung(home, haproxy, log),
    shadows: new Shadows(home, log),
    numbers,
    alerts: new Alerts(home, secrets, { numbers, faults, log }),
    requests: new Requests(home),
    spans: new Spans(faults),
  };
}

/** A disk that is full, or anything else that keeps doors shut: it is tried again, and told meanwhile. */
async function opened(parts: Parts, signal: AbortSignal): Promise<() => Promise<void>> {
  const { faults, alerts, certificates } = parts;
  while (!signal.aborted) {
    try {
      return await open(parts);
    } catch (error) {
      faults.note("what the edge talks to cannot be opened", error);
      alerts.tick(certificates.statuses());
      await sleep(LOOK_MS * 4, undefined, { signal }).catch(() => undefined);
    }
  }
  return () => Promise.resolve();
}

/** Opens what the edge talks to; resolves to how all of it is closed again. */
async function open(parts: Parts): Promise<() => Promise<void>> {
  const { home, faults, certificates, hung, shadows, numbers, requests, spans } = parts;
  const prometheus = new Prometheus();
  const file = new LogFile(home, (error) => faults.note("the access log", error));
  const receiver = await receive(home, file, [numbers, prometheus, hung, spans], faults);
  const sources = { challenges: certificates.challenges, numbers, prometheus };
  // Tried again, each needs its place anew.
  const server = await orElse(serve(sources), () => receiver.close());
  const takers = [
    { name: "a shadow", take: shadows.take.bind(shadows) },
    { name: "a request to keep", take: requests.take.bind(requests) },
  ];
  const copies = await orElse(takeCopies(takers, faults), async () => {
    server.close();
    await receiver.close();
  });
  return async () => {
    server.close();
    copies.close();
    await faults.guard("shadows", () => shadows.close());
    await faults.guard("the access log", () => receiver.close());
    await faults.guard("requests", () => requests.flush());
    await faults.guard("numbers", () => numbers.flush());
  };
}

/** What `opening` gives; where it fails, what was opened before is closed. */
async function orElse<T>(opening: Promise<T>, close: () => Promise<void>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    await close();
    throw error;
  }
}

/** One look at everything; each part by itself, for a full disk is no reason to renew no certificate. Resolves to the status that was written last. */
async function look(parts: Parts, startedAt: string, said: string): Promise<string> {
  const { home, faults, certificates, hung, shadows, numbers, alerts, requests, spans, audit } = parts;
  numbers.tick();
  spans.tick();
  hung.tick();
  alerts.tick(certificates.statuses());
  await faults.guard("the audit record", () => audit?.look());
  const read: { value?: Read | undefined } = {};
  await faults.guard("the edge's state cannot be read", async () => void (read.value = await readWish(home)));
  if (read.value === undefined) return said;
  const { wish, keeping, collectors, rev } = read.value;
  await faults.guard("certificates", () => certificates.want(wish.certificates));
  await faults.guard("shadows", () => shadows.want(wish.shadows));
  requests.want(keeping);
  spans.want(collectors);
  await faults.guard("requests", () => requests.flush());
  const status: KeeperStatus = { v: 1, startedAt, rev, certificates: certificates.statuses() };
  const text = JSON.stringify(status);
  if (text === said) return said;
  let written = said;
  await faults.guard("its status", async () => {
    await replaceFile(path.join(home, "keeper-status.json"), text);
    written = text;
  });
  return written;
}
