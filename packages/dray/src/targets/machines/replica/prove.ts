import { hostOf } from "drayage-keeper";
import type http from "node:http";
import { deadline, joined, sleep, until, within } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import { agentOver, ask, type Dial, wholeBody } from "../../../base/request.ts";
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
  const agent = agentOver(dialer(work, replica, context.signal), 1);
  try {
    const gone = watch(machine, replica.container, proving.signal);
    const host = probeHost(work);
    const becoming = within(readyMs, proving.signal, async (limit) =>
      work.release.settings.run?.healthcheck === true
        ? await becomeHealthy(machine.engine, replica.container, limit)
        : await becomeReady(agent, work.release, host, limit),
    );
    await Promise.race([becoming, gone]);
    return await Promise.race([proveGolden(work, replica, agent, context), gone]);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    const expected = { readyMs, port: replica.port, ready };
    throw await explainNotReady(machine, { ...replica, image: work.edgeImage }, expected, error);
  } finally {
    over.abort();
    agent.destroy();
  }
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

async function becomeReady(agent: http.Agent, release: Release, host: string, limit: AbortSignal): Promise<void> {
  const { ready } = release.settings;
  const path = ready ?? "/";
  const look = (name: string): Promise<Answer> => send(agent, { method: "GET", path, headers: { host: name } }, limit);
  let last = "no answer";
  try {
    await until(
      async () => {
        const answer = await look(host).catch((error: unknown) => {
          limit.throwIfAborted();
          last = error instanceof Error ? error.message : String(error);
          return undefined;
        });
        if (answer === undefined) return undefined;
        await refuseStrict(answer, `GET ${path}`, host, () => look("localhost"));
        last = `${answer.status} ${answer.body.slice(0, 120)}`;
        return answer.status < (ready === undefined ? 500 : 400) ? true : undefined;
      },
      50,
      limit,
    );
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Error(`GET ${path} said: ${last}`, { cause: error });
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
  const agent = agentOver(dialer(work, { container, address, port }, signal), 1);
  return {
    ask: async (request, timeoutMs) =>
      await within(timeoutMs, signal, (limit) => sendRequest(agent, named(request, probeHost(work)), limit)),
    close: () => agent.destroy(),
  };
}

/**
 * Warms the replica with the golden requests until its times settle, then keeps the last times. Every answer must be the
 * one expected: a release that is wrong now and then is wrong.
 */
async function proveGolden(work: Work, replica: Started, agent: http.Agent, context: Context): Promise<number[]> {
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
      const answer = await sendRequest(agent, request, limit.signal);
      if (answer.status !== each.expect.status)
        await refuseStrict(answer, `${request.method} ${request.path}`, host, () =>
          sendRequest(agent, { ...request, headers: { ...request.headers, host: "localhost" } }, limit.signal),
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

async function sendRequest(agent: http.Agent, request: Golden["request"], signal: AbortSignal): Promise<Answer> {
  const { method, path, headers } = request;
  const payload = payloadOf(request);
  const type = { "content-type": payload?.type ?? "application/json" };
  const body = payload === undefined ? {} : { body: payload.bytes };
  return await send(agent, { method, path, headers: { ...type, ...headers }, ...body }, signal);
}

async function send(
  agent: http.Agent,
  request: { method: string; path: string; headers?: Record<string, string>; body?: Uint8Array },
  signal: AbortSignal,
): Promise<Answer> {
  const startedAt = performance.now();
  const answer = await ask({ ...request, agent, signal });
  const { text, sha256 } = await wholeBody(answer);
  const ms = Math.round((performance.now() - startedAt) * 10) / 10;
  return { status: answer.statusCode ?? 0, body: text, ms, type: answer.headers["content-type"] ?? "", sha256 };
}
