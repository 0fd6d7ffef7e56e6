import type http from "node:http";
import { deadline, sleep, until } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { agentOver, ask, type Dial, text } from "../../base/request.ts";
import type { Context } from "../../core/context.ts";
import { type Answer, compareGolden, type Golden } from "../../core/golden.ts";
import type { Release } from "../../core/release.ts";
import type { Machine } from "../../machine/machine.ts";
import type { Job, Started } from "./job.ts";
import { edgeOf } from "./observe.ts";
import { containerLogs } from "../../probes/logs.ts";
import { explainNotReady, inspectState, listeners } from "./diagnose.ts";

const WARM_UPS = 3;

/** The port a replica listens on: known, or the first it opens for others. */
export async function findPort(job: Job, container: string, context: Context): Promise<number> {
  const { machine } = job.site;
  const { readyMs } = job.release.settings.limits;
  const limit = deadline(readyMs, context.signal);
  try {
    return await until(
      async () => {
        const all = await listeners(machine.engine, container, job.edgeImage, limit);
        return all.find((each) => !each.loopback)?.port;
      },
      200,
      limit,
    );
  } catch (error) {
    context.signal.throwIfAborted();
    throw await explainNotReady(machine, container, job.edgeImage, { readyMs }, error);
  }
}

/**
 * Proves a replica before it gets traffic: it answers its ready path, it was warmed, and every golden request gets the
 * answer expected. All requests travel from the edge, as clients' will.
 * Resolves to the golden requests' times in milliseconds. @throws Failure release.*
 */
export async function proveReplica(job: Job, replica: Started, context: Context): Promise<number[]> {
  const { machine } = job.site;
  const { readyMs } = job.release.settings.limits;
  const { ready } = job.release.settings;
  const ended = new AbortController();
  const limit = AbortSignal.any([deadline(readyMs, context.signal), ended.signal]);
  const agent = agentOver(dialer(job, replica, context.signal), 1);
  try {
    await Promise.race([becomeReady(agent, job.release, limit), watch(machine, replica.container, limit)]);
    ended.abort();
    return await proveGolden(job, replica, agent, context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    const expected = { readyMs, port: replica.port, ready };
    throw await explainNotReady(machine, replica.container, job.edgeImage, expected, error);
  } finally {
    ended.abort();
    agent.destroy();
  }
}

/** Opens connections to a replica from the edge; the first is the one that was made ready while the replica started. */
function dialer(job: Job, replica: Started, signal: AbortSignal): Dial {
  let { line } = replica;
  return async () => {
    const ready = line;
    line = undefined;
    const { readyMs } = job.release.settings.limits;
    return (await (ready ?? edgeOf(job.site).line(replica.address, replica.port, readyMs, signal)))();
  };
}

async function becomeReady(agent: http.Agent, release: Release, limit: AbortSignal): Promise<void> {
  const { ready } = release.settings;
  let last = "no answer";
  try {
    await until(
      async () => {
        const answer = await send(agent, { method: "GET", path: ready ?? "/" }, limit).catch((error: unknown) => {
          limit.throwIfAborted();
          last = error instanceof Error ? error.message : String(error);
          return undefined;
        });
        if (answer === undefined) return undefined;
        last = `${answer.status} ${answer.body.slice(0, 120)}`;
        return answer.status < (ready === undefined ? 500 : 400) ? true : undefined;
      },
      50,
      limit,
    );
  } catch (error) {
    throw new Error(`GET ${ready ?? "/"} said: ${last}`, { cause: error });
  }
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

async function proveGolden(job: Job, replica: Started, agent: http.Agent, context: Context): Promise<number[]> {
  const { golden } = job;
  if (golden.length === 0) return [];
  const limit = deadline(120_000, context.signal);
  for (let round = 0; round < WARM_UPS; round++) {
    for (const each of golden) await sendGolden(agent, each, limit);
  }
  const times: number[] = [];
  for (const each of golden) {
    const answer = await sendGolden(agent, each, limit);
    const wrong = compareGolden(each, answer);
    if (wrong.length > 0) {
      throw new Failure("release.golden-wrong", `${each.request.method} ${each.request.path}: ${wrong[0]}`, {
        hint: "if the new answer is right, change golden.json; the old release serves on",
        details: [...wrong.slice(1), ...(await containerLogs(job.site.machine.engine, replica.container, 5))],
      });
    }
    times.push(answer.ms);
  }
  return times;
}

async function sendGolden(agent: http.Agent, golden: Golden, signal: AbortSignal): Promise<Answer> {
  const { method, path, headers, body } = golden.request;
  return await send(
    agent,
    {
      method,
      path,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    },
    signal,
  );
}

async function send(
  agent: http.Agent,
  request: { method: string; path: string; headers?: Record<string, string>; body?: string },
  signal: AbortSignal,
): Promise<Answer> {
  const startedAt = performance.now();
  const answer = await ask({ ...request, agent, signal });
  const body = await text(answer);
  return { status: answer.statusCode ?? 0, body, ms: Math.round((performance.now() - startedAt) * 10) / 10 };
}
