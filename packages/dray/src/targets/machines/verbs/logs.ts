import type { Session } from "../../../contract/session.ts";
import { withSite } from "../plan/site.ts";
import type { OnLine } from "../../../contract/target.ts";
import type { LogOptions } from "../../../contract/answers.ts";
import type { Subject } from "../../../contract/place.ts";
import { createInterface } from "node:readline";
import { parseRequest } from "drayage-record";
import type { Context } from "../../../core/context.ts";
import { EDGE } from "../../../edge/edge.ts";
import { FOLLOW, lastLines } from "../../../edge/log.ts";
import { execStream } from "../../../machine/exec.ts";
import { logLines } from "../../../probes/logs.ts";
import type { Site } from "../plan/observe.ts";
import { refuseUnknown } from "../replica/with.ts";
import { besideName } from "../container/with-container.ts";
import { replicasOf } from "../plan/service-on.ts";

/** Hands log lines over as they come, each source's in its own order. */
export async function readLogs(
  { place, service }: Subject,
  options: LogOptions,
  onLine: OnLine,
  session: Session,
): Promise<void> {
  const wanted = fits(options);
  const tell = (from: string, line: string): void => {
    if (wanted(line)) onLine(from, line);
  };
  await withSite(place, session, async (site) => {
    const edge = options.edge || options.id !== undefined ? [edgeLog(site, options, session, tell)] : [];
    const ours = options.edge
      ? []
      : (await replicasOf(site, service, options.release)).map((replica) =>
          containerLog({ site, container: replica.container }, options, session, tell),
        );
    await Promise.all([...edge, ...ours]);
  });
}

/** The log of a container beside the replicas. @throws Failure with.unknown */
export async function besideLogs(
  { place, service }: Subject,
  { name, options, onLine }: { name: string; options: LogOptions; onLine: OnLine },
  session: Session,
): Promise<void> {
  const wanted = fits(options);
  await withSite(place, session, async (site) => {
    await refuseUnknown(site.machine.engine, service, name, session.signal);
    await containerLog({ site, container: besideName(service, name) }, options, session, (_from, line) => {
      if (wanted(line)) onLine(name, line);
    });
  });
}

async function containerLog(
  { site, container }: { site: Site; container: string },
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
  if (site.edge?.known.keeper === undefined)
    return await containerLog({ site, container: EDGE }, options, context, onLine);
  // What is looked for may be far back.
  const { status, grep, id, sinceMs, release, tail } = options;
  const filtered = [status, grep, id, sinceMs, release].some((each) => each !== undefined);
  const script = `${lastLines(filtered ? "all" : tail)}\n${options.follow ? FOLLOW : ""}`;
  const { stream } = await execStream(site.machine.engine, EDGE, ["bash", "-c", script], context.signal);
  for await (const line of createInterface({ input: stream })) onLine(EDGE, line);
}

/** `[25/Nov/2026:17:34:14.730]`, which the edge writes in UTC. */
const STAMP = /\[(\d\d)\/(\w{3})\/(\d{4}):([\d:.]+)\]/;

function fits({ edge, grep, status, id, sinceMs, release }: LogOptions): (line: string) => boolean {
  const code = status === undefined ? undefined : new RegExp(`^${status.replaceAll(/x/gi, "\\d")}$`);
  return (line) => {
    if (grep?.test(line) === false) return false;
    if (id !== undefined && !line.includes(id)) return false;
    if (code !== undefined && !code.test(String(parseRequest(line)?.status ?? ""))) return false;
    if (edge && release !== undefined && !line.includes(`/${release}.`)) return false;
    const [, day, month, year, time] = edge && sinceMs !== undefined ? (STAMP.exec(line) ?? []) : [];
    return day === undefined || Date.parse(`${day} ${month} ${year} ${time} UTC`) >= (sinceMs ?? 0);
  };
}
