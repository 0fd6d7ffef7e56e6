import { isIP } from "node:net";
import { parseRequest } from "drayage-record";
import type { RecordFacts } from "../core/evidence.ts";
import type { Edge } from "../edge/edge.ts";
import { EDGE } from "../edge/edge.ts";
import { lastLines } from "../edge/log.ts";
import { keptOf } from "../edge/state.ts";
import type { Engine } from "../machine/engine.ts";
import { keeperStatus } from "../edge/keeper-status.ts";
import { containerLogs } from "./logs.ts";

interface Listed {
  Names: string[];
  State: string;
  Labels: Record<string, string>;
  Created: number;
  Ports: { PublicPort?: number }[];
}

/** Every container of a machine, as the engine lists them. */
export async function listContainers(engine: Engine, signal: AbortSignal): Promise<Listed[]> {
  return await engine.get<Listed[]>("/containers/json", { query: { all: true }, signal });
}

/** What is written down about a service on a machine, and what the edge does. `edge`: undefined where it does not run. */
export async function askRecord(
  { engine, edge, listed }: { engine: Engine; edge: Edge | undefined; listed: readonly Listed[] },
  { service, path }: { service?: string | undefined; path: string },
  signal: AbortSignal,
): Promise<RecordFacts> {
  const there = listed.some((each) => each.Names.includes(`/${EDGE}`));
  if (edge === undefined) return { ...fromLabels(listed, service), edge: there ? "stopped" : "none" };
  const { known } = edge;
  const state = service === undefined ? undefined : known.services[service];
  const base = { edge: "running" as const, services: Object.keys(known.services) };
  if (state === undefined) return { ...base, replicas: [], traffic: [] };
  const [servers, log, status] = await Promise.all([
    edge.servers(state.service),
    known.keeper === undefined ? containerLogs(engine, EDGE, LINES, signal).catch(() => []) : recentLines(edge),
    known.keeper === undefined ? undefined : keeperStatus(edge),
  ]);
  const certificates = status?.certificates ?? {};
  const host = state.domain ?? Object.keys(certificates).find((each) => isIP(each) !== 0);
  const certificate = host === undefined ? undefined : certificates[host];
  const problem = certificate?.state === "pending" ? undefined : certificate?.problem;
  const kept = keptOf(state, state.current);
  const ready = kept?.release.settings.ready;
  const said = log.map((line) => answerIn(line, path)).findLast((each) => each !== undefined);
  return {
    ...base,
    current: state.current,
    ...(state.domain === undefined ? {} : { domain: state.domain }),
    ...(ready === undefined ? {} : { ready }),
    replicas: kept?.replicas ?? [],
    traffic: servers.map(({ release, address, takes }) => ({ release, address, takes })),
    ...(said === undefined ? {} : { said }),
    ...(problem === undefined ? {} : { noCertificate: problem }),
  };
}

const LINES = 20;

/** The access log is in files where there is a keeper. */
async function recentLines(edge: Edge): Promise<string[]> {
  return (await edge.run(lastLines(LINES))).split("\n");
}

/** Without the edge its volume cannot be read: what runs says whose it is. */
function fromLabels(listed: readonly Listed[], service: string | undefined): Omit<RecordFacts, "edge"> {
  const replicas = listed.filter((each) => each.Labels["dray.role"] === "replica");
  const mine = replicas
    .filter((each) => each.Labels["dray.service"] === service)
    .toSorted((a, b) => Number(b.State === "running") - Number(a.State === "running") || b.Created - a.Created);
  const release = mine[0]?.Labels["dray.release"];
  return {
    services: [...new Set(replicas.flatMap((each) => each.Labels["dray.service"] ?? []))],
    ...(release === undefined ? {} : { current: release }),
    replicas: mine
      .filter((each) => each.Labels["dray.release"] === release)
      .map((each) => ({
        container: each.Names[0]?.slice(1) ?? "",
        address: each.Labels["dray.address"] ?? "",
        port: 0,
      })),
    traffic: [],
  };
}

/** What the edge answered a request with, when the line is of one of that path. */
function answerIn(line: string, path: string): { status: number; state: string } | undefined {
  const said = parseRequest(line);
  if (said === undefined || said.path !== withoutQuery(path)) return undefined;
  // Whose client went away before an answer has none.
  return said.status < 100 ? undefined : { status: said.status, state: said.ended };
}

const withoutQuery = (path: string): string => path.split("?", 1)[0] ?? "";
