import type { Report } from "./types.ts";

/** A release as a target's status tells of it; a target says as much of it as it knows. */
export interface Standing {
  release: string;
  image: string;
  /** Of the traffic, in percent. */
  share: number;
  /** In words, where the target has some. */
  state?: string;
  running?: number;
  replicas?: number;
  unhealthy: string[];
  inFlight?: number;
  who?: string;
  since?: string;
  commit?: string;
}

type Row = Record<string, unknown>;

const rows = (value: unknown): Row[] => (Array.isArray(value) ? value.filter((each) => typeof each === "object") : []);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

function standingOf(row: Row): Standing {
  return {
    release: text(row["release"]) ?? "?",
    image: text(row["image"]) ?? "",
    share: number(row["share"]) ?? (row["traffic"] === true ? 100 : 0),
    unhealthy: Array.isArray(row["unhealthy"]) ? row["unhealthy"].map(String) : [],
    ...optional("state", text(row["state"])),
    ...optional("running", number(row["running"])),
    ...optional("replicas", number(row["replicas"])),
    ...optional("inFlight", number(row["inFlight"])),
    ...optional("who", text(row["who"])),
    ...optional("since", text(row["deployedAt"]) ?? text(row["since"])),
    ...optional("commit", text(row["commit"])),
  };
}

/** The releases of a service that a status names, the live one first. */
export function releasesIn({ data }: Report): Standing[] {
  const all = data as Row;
  const own = rows(all["releases"]);
  const nested = rows(all["services"]).flatMap((each) => rows(each["releases"]));
  const found = [...own, ...nested].map(standingOf).toReversed();
  if (found.length > 0) return found.toSorted((a, b) => b.share - a.share);
  const current = text(all["current"]);
  return current === undefined ? [] : [standingOf({ release: current, share: 100 })];
}

/** A certificate as a target's status tells of it. */
export interface Certificate {
  host: string;
  state: "valid" | "pending" | "failed";
  until?: string;
  issuer?: string;
  problem?: string;
  fix?: string;
}

/** The certificates that a status names. */
export function certificatesIn({ data }: Report): Certificate[] {
  const all = ((data as Row)["certificates"] ?? {}) as Record<string, Row>;
  return Object.entries(all).map(([host, each]) => {
    const problem = (each["problem"] ?? {}) as Row;
    const { state } = each;
    return {
      host,
      state: state === "valid" || state === "failed" ? state : "pending",
      ...optional("until", text(each["until"])),
      ...optional("issuer", text(each["issuer"])),
      ...optional("problem", text(problem["why"])),
      ...optional("fix", text(problem["fix"])),
    };
  });
}

/** What somebody should look at, of one place's status. */
export function troublesIn(report: Report): string[] {
  const data = report.data as Row;
  const unfinished = rows(data["unfinished"]).flatMap((each) => text(each["text"]) ?? []);
  const problems = certificatesIn(report).flatMap(({ host, problem }) =>
    problem === undefined ? [] : [`https://${host}: ${problem}`],
  );
  const releases = releasesIn(report).flatMap(({ release, running, replicas, share, unhealthy }) => [
    ...(share > 0 && running !== undefined && replicas !== undefined && running < replicas
      ? [`${release}: ${running} of ${replicas} replicas run`]
      : []),
    ...unhealthy.map((each) => `${each} is unhealthy, as its image's own HEALTHCHECK says`),
  ]);
  return [...unfinished, ...problems, ...releases];
}
