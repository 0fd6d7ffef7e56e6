import { hostOf } from "drayage-keeper";
import { deadline, joined, sleep, until, within } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Dial } from "../../../base/request.ts";
import type { Context } from "../../../core/context.ts";
import { type Answer, compareGolden, type Golden, withAnswer } from "../../../core/golden.ts";
import { payloadOf } from "../../../core/payload.ts";
import { hostRefusal } from "../../../core/host-refusal.ts";
import { percentile } from "../../../core/judge.ts";
import type { Release } from "../../../core/release.ts";
import type { Replica } from "../../../edge/state.ts";
import type { Machine } from "../../../machine/machine.ts";
import type { Work, Started } from "../plan/work.ts";
import { edgeOf } from "../plan/observe.ts";
import { containerLogs } from "../../../probes/logs.ts";
import { isHttp2, isNoHttp2, type ReplicaLine, replicaLine } from "../../../probes/replica.ts";
import { becomeHealthy } from "./health.ts";
import { explainNotReady, inspectState } from "./diagnose.ts";

/** The longest that the golden requests may take, warm-up included. */
const GOLDEN_MS = 120_000;
/** The longest that warming up takes. */
const WARM_UP_MS = 3000;
const MOST_ROUNDS = 20;
/** Times have settled when they fall by less than this factor. */
const SETTLED = 1.2;

/**
 * Proves a replica before it gets traffic: it answers its ready path, it was warmed, and every golden request gets the
 * answer expected. All requests travel from the edge, as clients' will.
 * Resolves to the golden requests' times in milliseconds. @throws Failure release.*
 */
export async function proveReplica(work: Work, replica: Started, context: Context): Promise<number[]> {
  const { machine } = work.site;
  const { readyMs } = work.release.settings.limits;
  const { ready } = work.release.settings;
  const over = new AbortController();
  using proving = joined([context.signal, over.signal]);
  const line = lineTo(work, replica, context.signal);
  try {
    const gone = watch(machine, replica.container, proving.signal);
    const host = probeHost(work);
    const becoming = within(readyMs, proving.signal, async (limit) =>
      work.release.settings.run?.healthcheck === true
        ? await becomeHealthy(machine.engine, replica.container, limit)
        : await becomeReady(line, work.release, host, limit),
    );
    await Promise.race([becoming, gone]);
    return await Promise.race([proveGolden(work, replica, line, context), gone]);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    const expected = { readyMs, port: replica.port, ready };
    throw await explainNotReady(machine, { ...replica, image: work.edgeImage }, expected, error);
  } finally {
    over.abort();
    line.close();
  }
}

function lineTo(work: Work, replica: Started, signal: AbortSignal): ReplicaLine {
  return replicaLine(dialer(work, replica, signal), work.release.settings.protocol);
}

/** Opens connections to a replica from the edge; the first is the one that was made ready while the replica started. */
function dialer(work: Work, replica: Started, signal: AbortSignal): Dial {
  let { line } = replica;
  return async () => {
    const ready = line;
    line = undefined;
    const { readyMs } = work.release.settings.limits;
    return (await (ready ?? edgeOf(work.site).line(replica.address, replica.port, readyMs, signal)))();
  };
}

/** The name by which a release is proved: the one that the keeper asks it by later, and clients too. */
function probeHost({ release, site }: Work): string {
  return hostOf(release.settings, site.machine.address) ?? "localhost";
}

async function becomeReady(line: ReplicaLine, release: Release, host: string, limit: AbortSignal): Promise<void> {
  const { ready } = release.settings;
  const path = ready ?? "/";
  const look = (name: string): Promise<Answer> => line.send({ method: "GET", path, headers: { host: name } }, limit);
  const byHealth = ready === undefined ? line.health : undefined;
  const asked = byHealth === undefined ? `GET ${path}` : "gRPC's health service";
  let last = "no answer";
  /** What it says, and whether that is enough. */
  const listen = async (): Promise<{ ready: boolean; said: string }> => {
    if (byHealth !== undefined) return await byHealth(host, limit);
    const answer = await look(host);
    await refuseStrict(answer, asked, host, () => look("localhost"));
    const enough = answer.status < (ready === undefined ? 500 : 400);
    return { ready: enough, said: `${answer.status} ${answer.body.slice(0, 120)}` };
  };
  try {
    await until(
      async () => {
        const heard = await listen().catch((error: unknown) => {
          limit.throwIfAborted();
          refuseForeign(error);
          last = error instanceof Error ? error.message : String(error);
          return undefined;
        });
        if (heard !== undefined) last = heard.said;
        return heard?.ready === true ? true : undefined;
      },
      50,
      limit,
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Error(`${asked} said: ${last}`, { cause: error });
  }
}

/** A server that speaks another HTTP will not learn the one that was meant. @throws Failure release.protocol */
function refuseForeign(error: unknown): void {
  if (error instanceof Failure) throw error;
  if (isHttp2(error)) {
    throw new Failure(
      "release.protocol",
      "the API speaks HTTP/2 alone, as gRPC servers do, and was asked in HTTP/1.1",
      {
        hint: "say so in the manifest: protocol: h2c",
      },
    );
  }
  if (isNoHttp2(error)) {
    throw new Failure("release.protocol", "the API does not speak HTTP/2 without TLS, and was asked in it", {
      hint: "take protocol: h2c out of the manifest; where it speaks gRPC with TLS, have it do without behind the edge",
      cause: error,
    });
  }
}

/** An API that refuses the name which clients will call it by would refuse them all. @throws Failure release.host-refused */
async function refuseStrict(
  answer: Answer,
  asked: string,
  host: string,
  asLocalhost: () => Promise<Answer>,
): Promise<void> {
  if (answer.status !== 400 && answer.status !== 403) return;
  const refused = hostRefusal(answer) ?? hostRefusal(answer, await asLocalhost());
  if (refused === undefined) return;
  throw new Failure(
    "release.host-refused",
    `the API answers ${answer.status} to ${asked} by the name ${host}: it does not know that name`,
    {
      hint: `${refused.setting(host)}; where clients call it by another name, say so: domain: or host: in the manifest`,
      details: [answer.body.replaceAll(/[\s\p{Cc}]+/gu, " ").slice(0, 200)],
    },
  );
}

/** Ends with an error as soon as the container does: nobody wants to wait a minute for a program that is gone. */
async function watch(machine: Machine, container: string, limit: AbortSignal): Promise<never> {
  for (;;) {
    // When the time is up the other side of the race says why; this one has nothing to add.
    const over = await sleep(300, limit).then(
      () => false,
      () => true,
    );
    if (over) return await new Promise<never>(() => undefined);
    const state = await inspectState(machine.engine, container, limit);
    if (!state.Running) throw new Error("the container ended");
  }
}

/** Asks one replica over one connection from the edge. */
export function openAsker(
  work: Work,
  { container, address, port }: Replica,
  signal: AbortSignal,
): { ask(request: Golden["request"], timeoutMs: number): Promise<Answer>; close(): void } {
  // Without the line that was made ready while it started: that one has been used.
  const line = lineTo(work, { container, address, port }, signal);
  return {
    ask: async (request, timeoutMs) =>
      await within(timeoutMs, signal, (limit) => sendRequest(line, named(request, probeHost(work)), limit)),
    close: () => line.close(),
  };
}

/**
 * Warms the replica with the golden requests until its times settle, then keeps the last times. Every answer must be the
 * one expected: a release that is wrong now and then is wrong.
 */
async function proveGolden(work: Work, replica: Started, line: ReplicaLine, context: Context): Promise<number[]> {
  const { golden } = work;
  if (golden.length === 0) return [];
  using limit = deadline(GOLDEN_MS, context.signal);
  const startedAt = performance.now();
  const host = probeHost(work);
  const rounds: number[] = [];
  for (;;) {
    const answers: number[] = [];
    const last = settled(rounds) || performance.now() - startedAt > WARM_UP_MS;
    for (const each of golden) {
      const request = named(each.request, host);
      const answer = await sendRequest(line, request, limit.signal);
      if (answer.status !== each.expect.status)
        await refuseStrict(answer, `${request.method} ${request.path}`, host, () =>
          sendRequest(line, { ...request, headers: { ...request.headers, host: "localhost" } }, limit.signal),
        );
      // How long it may take counts only for a release that is warm.
      const wrong = compareGolden(last ? each : { ...each, expect: omitTime(each.expect) }, answer);
      if (wrong.length > 0 && !accept(work, each, { answer, wrong }, context))
        throw await refusal(work, replica, each, wrong);
      answers.push(answer.ms);
    }
    if (last) return answers;
    rounds.push(answers.reduce((sum, ms) => sum + ms, 0));
  }
}

/** Three rounds that took about as long as the three before; or as many as are ever tried. */
function settled(rounds: readonly number[]): boolean {
  const [before, now] = [rounds.slice(-6, -3), rounds.slice(-3)].map((three) => percentile(three, 0.5));
  return rounds.length >= MOST_ROUNDS || (rounds.length >= 6 && (now ?? 0) * SETTLED >= (before ?? 0));
}

function omitTime({ withinMs: _later, ...expect }: Golden["expect"]): Golden["expect"] {
  return expect;
}

async function refusal(work: Work, replica: Started, golden: Golden, wrong: readonly string[]): Promise<Failure> {
  return new Failure("release.golden-wrong", `${golden.request.method} ${golden.request.path}: ${wrong[0]}`, {
    hint: "if the new answer is right, take it over: dray deploy --accept-golden; the old release serves on",
    details: [...wrong.slice(1), ...(await containerLogs(work.site.machine.engine, replica.container, 5))],
  });
}

/** Takes a changed answer over where the user wants that; from then on it is the one that is expected. */
function accept(
  work: Work,
  golden: Golden,
  { answer, wrong }: { answer: Answer; wrong: readonly string[] },
  context: Context,
): boolean {
  if (work.answers === "must-match" || answer.status >= 400 || work.accepted.includes(golden)) return false;
  for (const difference of wrong) {
    const { method, path } = golden.request;
    context.emit({ type: "line", on: work.seen.machine, text: `accepted: ${method} ${path}: ${difference}` });
  }
  golden.expect = withAnswer(golden.expect, answer);
  work.accepted.push(golden);
  return true;
}

/** The request as clients send it, to a name; a golden request that says another one keeps it. */
function named(request: Golden["request"], host: string): Golden["request"] {
  return { ...request, headers: { host, ...request.headers } };
}

async function sendRequest(line: ReplicaLine, request: Golden["request"], signal: AbortSignal): Promise<Answer> {
  const { method, path, headers } = request;
  const payload = payloadOf(request);
  const type = { "content-type": payload?.type ?? "application/json" };
  const body = payload === undefined ? {} : { body: payload.bytes };
  return await line.send({ method, path, headers: { ...type, ...headers }, ...body }, signal);
}
