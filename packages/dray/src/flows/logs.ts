import { createInterface } from "node:readline";
import type { Context } from "../core/context.ts";
import { EDGE } from "../machine/edge.ts";
import { FOLLOW, lastLines } from "../machine/edge-log.ts";
import { execStream } from "../machine/exec.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { logLines } from "../probes/logs.ts";
import type { Site } from "../targets/machines/observe.ts";
import { withSite } from "./fleet.ts";
import { replicasOf } from "./look.ts";

export interface LogOptions {
  service: string;
  release?: string;
  follow: boolean;
  tail: number | "all";
  /** The edge's access log instead of the replicas'. */
  edge: boolean;
  /** Nothing older, in milliseconds since 1970. */
  sinceMs?: number;
  /** Only lines that it fits. */
  grep?: RegExp;
  /** Of the access log: only answers of this status, or class of statuses (`5xx`). */
  status?: string;
  /** One request's id: lines of the edge and of the release that name it. */
  id?: string;
}

/** Hands log lines over as they come, each source's in its own order. */
export async function logs(
  where: Where,
  ssh: SshOptions,
  options: LogOptions,
  context: Context,
  onLine: (from: string, line: string) => void,
): Promise<void> {
  const wanted = fits(options);
  const tell = (from: string, line: string): void => {
    if (wanted(line)) onLine(from, line);
  };
  await withSite(where, ssh, context, async (site) => {
    const edge = options.edge || options.id !== undefined ? [edgeLog(site, options, context, tell)] : [];
    const ours = options.edge
      ? []
      : (await replicasOf(site, options.service, options.release)).map((replica) =>
          containerLog(site, replica.container, options, context, tell),
        );
    await Promise.all([...edge, ...ours]);
  });
}

async function containerLog(
  site: Site,
  container: string,
  { follow, tail, sinceMs, id }: LogOptions,
  { signal }: Context,
  onLine: (from: string, line: string) => void,
): Promise<void> {
  const since = sinceMs === undefined ? {} : { since: String(Math.floor(sinceMs / 1000)) };
  const answer = await site.machine.engine.bytes("GET", `/containers/${container}/logs`, {
    query: { stdout: true, stderr: true, follow, tail: id === undefined ? tail : "all", ...since },
    signal,
  });
  for await (const line of logLines(answer)) onLine(container, line);
}

/** The keeper's files where there is a keeper; else what the edge wrote to its own output. */
async function edgeLog(
  site: Site,
  options: LogOptions,
  context: Context,
  onLine: (from: string, line: string) => void,
): Promise<void> {
  if (site.edge?.known.keeper === undefined) return await containerLog(site, EDGE, options, context, onLine);
  // What is looked for may be far back.
  const { status, grep, id, sinceMs, release, tail } = options;
  const filtered = [status, grep, id, sinceMs, release].some((each) => each !== undefined);
  const script = `${lastLines(filtered ? "all" : tail)}\n${options.follow ? FOLLOW : ""}`;
  const { stream } = await execStream(site.machine.engine, EDGE, ["bash", "-c", script], context.signal);
  for await (const line of createInterface({ input: stream })) onLine(EDGE, line);
}

/** `[25/Nov/2026:17:34:14.730]`, which the edge writes in UTC. */
const STAMP = /\[(\d\d)\/(\w{3})\/(\d{4}):([\d:.]+)\]/;
const STATUS = / \S+\/-?\d+\/-?\d+\/-?\d+\/\+?-?\d+ (-?\d+) /;

function fits({ edge, grep, status, id, sinceMs, release }: LogOptions): (line: string) => boolean {
  const code = status === undefined ? undefined : new RegExp(`^${status.replaceAll(/x/gi, "\\d")}$`);
  return (line) => {
    if (grep?.test(line) === false) return false;
    if (id !== undefined && !line.includes(id)) return false;
    if (code !== undefined && !code.test(STATUS.exec(line)?.[1] ?? "")) return false;
    if (edge && release !== undefined && !line.includes(`/${release}.`)) return false;
    const [, day, month, year, time] = edge && sinceMs !== undefined ? (STAMP.exec(line) ?? []) : [];
    return day === undefined || Date.parse(`${day} ${month} ${year} ${time} UTC`) >= (sinceMs ?? 0);
  };
}
