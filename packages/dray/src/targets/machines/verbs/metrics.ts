import type { Session } from "../../../contract/session.ts";
import { withSite } from "../plan/site.ts";
import type { MachineMetrics, CallerFigures, Usage } from "../../../core/metrics.ts";
import { figures, seriesOf, tokenFigures } from "./figures.ts";
import type { Subject } from "../../../contract/place.ts";
import { quantile, type Row, together } from "drayage-keeper";
import { isHistoryRow } from "drayage-record";
import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { serviceOn } from "../plan/service-on.ts";

const KEEPER_PORT = 8080;

/** What a service did in the last `sinceS` seconds on one machine. @throws Failure keeper.none */
export async function readMetrics(
  { place, service }: Subject,
  sinceS: number,
  session: Session,
): Promise<MachineMetrics> {
  return await withSite(place, session, async (site) => await metricsOn(site, service, sinceS, session));
}

/** The same again and again over one connection, until aborted. */
export async function watchMetricsOn(
  { place, service }: Subject,
  { sinceS, everyMs, onMetrics }: { sinceS: number; everyMs: number; onMetrics: (found: MachineMetrics) => void },
  session: Session,
): Promise<void> {
  await withSite(place, session, async (site) => {
    for (;;) {
      onMetrics(await metricsOn(site, service, sinceS, session));
      await new Promise((resolve) => setTimeout(resolve, everyMs));
      session.signal.throwIfAborted();
    }
  });
}

/** The same over a connection that is open already. @throws Failure keeper.none */
export async function metricsOn(
  site: Site,
  service: string,
  sinceS: number,
  context: Context,
): Promise<MachineMetrics> {
  const state = await serviceOn(site, service);
  const [rows, containers] = await Promise.all([rowsOf(site, sinceS), usage(site, service, context)]);
  const ours = rows.filter((row) => row.service === service);
  // A minute is the unit: what is asked for may begin in the middle of one.
  const first = Math.min(...ours.map((row) => row.at));
  const spanS = Math.max(1, Math.min(sinceS, Date.now() / 1000 - first));
  const byRelease = together(ours, (row) => row.release);
  const all = together(ours, () => "").get("");
  const callers = Object.entries(all?.callers ?? {}).map(([caller, requests]): CallerFigures => {
    const { failed = 0, refused = 0, total = {}, tokens } = all?.byCaller?.[caller] ?? {};
    const [p50Ms, p95Ms, p99Ms] = [quantile(total, 0.5), quantile(total, 0.95), quantile(total, 0.99)];
    return { caller, requests, errors: failed, refused, p50Ms, p95Ms, p99Ms, ...tokenFigures(tokens) };
  });
  return {
    machine: site.machine.name,
    sinceS,
    all: figures(all, spanS),
    series: seriesOf(ours, sinceS),
    releases: [...byRelease]
      .map(([release, row]) => ({ release: release === "" ? "(the edge)" : release, ...figures(row, spanS) }))
      .toSorted((a, b) => Number(b.release === state.current) - Number(a.release === state.current)),
    callers: callers.toSorted((a, b) => b.requests - a.requests),
    containers,
  };
}

/** Asks the keeper through the edge's shell: no port of it is published. @throws Failure keeper.none */
async function rowsOf(site: Site, sinceS: number): Promise<Row[]> {
  const edge = edgeOf(site);
  const { keeper } = edge.known;
  if (keeper === undefined) {
    throw new Failure("keeper.none", `nobody counts requests on ${site.machine.name}: there is no keeper`, {
      hint: "dray deploy starts one",
    });
  }
  const asked = `GET /numbers?since=${Math.ceil(sinceS)} HTTP/1.0\\r\\n\\r\\n`;
  const said = await edge.run(
    `exec 7<>/dev/tcp/${keeper.address}/${KEEPER_PORT} && printf '${asked}' >&7 && cat <&7; exec 7>&-`,
  );
  const rows = rowsIn(said.slice(said.indexOf("\r\n\r\n") + 4));
  if (rows === undefined) {
    throw new Failure("keeper.failed", `the keeper of ${site.machine.name} does not answer`, {
      hint: `ssh ${site.machine.name} docker logs dray-keeper`,
    });
  }
  return rows;
}

/** Rows as a keeper tells them; one of another form, as a newer keeper may have it, is left out. Undefined: these are no rows. */
export function rowsIn(body: string): Row[] | undefined {
  try {
    const rows: unknown = JSON.parse(body);
    return Array.isArray(rows) ? rows.filter((row): row is Row => isHistoryRow(row)) : undefined;
  } catch {
    return undefined;
  }
}

interface Stats {
  cpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number; online_cpus?: number };
  precpu_stats: { cpu_usage: { total_usage: number }; system_cpu_usage?: number };
  memory_stats: { usage?: number; limit?: number; stats?: { inactive_file?: number } };
}

async function usage(site: Site, service: string, { signal }: Context): Promise<Usage[]> {
  const { engine } = site.machine;
  const listed = await engine.get<{ Id: string; Names: string[]; Labels: Record<string, string> }[]>(
    "/containers/json",
    { query: { filters: { label: [`dray.service=${service}`, "dray.role=replica"] } }, signal },
  );
  return await Promise.all(
    listed.map(async ({ Id, Names: [name = ""], Labels: labels }): Promise<Usage> => {
      const [stats, { RestartCount }] = await Promise.all([
        engine.get<Stats>(`/containers/${Id}/stats`, { query: { stream: false }, signal }),
        engine.get<{ RestartCount: number }>(`/containers/${Id}/json`, { signal }),
      ]);
      const { cpu_stats: now, precpu_stats: before, memory_stats: memory } = stats;
      const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
      const passed = ((now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0)) / (now.online_cpus ?? 1);
      return {
        container: name.slice(1),
        release: labels["dray.release"] ?? "",
        cpu: passed > 0 ? Math.round((used / passed) * 100) / 100 : 0,
        // As `docker stats` counts it: without what the kernel would give back.
        memory: (memory.usage ?? 0) - (memory.stats?.inactive_file ?? 0),
        memoryLimit: memory.limit ?? 0,
        restarts: RestartCount,
      };
    }),
  );
}
