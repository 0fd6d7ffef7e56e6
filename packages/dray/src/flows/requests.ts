import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "csv-parse/sync";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { type Drift, driftOf, ENOUGH, flatten } from "../core/drift.ts";
import { HOME } from "../machine/edge-state.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { loadGolden } from "../manifest/golden.ts";
import type { Manifest } from "../manifest/schema.ts";
import { edgeOf, type Site } from "../targets/machines/observe.ts";
import { withSite } from "./fleet.ts";
import { serviceOn } from "./look.ts";

/** A request that was kept, and what it was answered. */
export interface Kept {
  at: string;
  id: string;
  release: string;
  method: string;
  path: string;
  status: number;
  ms: number;
  request?: unknown;
  answer?: unknown;
}

/** The kept requests of a service on a machine since a time, oldest first. @throws Failure requests.none */
export async function keptRequests(
  where: Where,
  ssh: SshOptions,
  service: string,
  sinceMs: number,
  context: Context,
): Promise<Kept[]> {
  return await withSite(where, ssh, context, async (site) => {
    await serviceOn(site, service);
    const kept = (await readKept(site, service)).filter((each) => Date.parse(each.at) >= sinceMs);
    if (kept.length > 0) return kept;
    throw new Failure("requests.none", `no request of ${service} was kept on ${where.name} in that time`, {
      hint: "requests: {share: 5} in the manifest, then dray deploy",
    });
  });
}

export async function readKept(site: Site, service: string): Promise<Kept[]> {
  const file = `${HOME}/requests/${service}.jsonl`;
  const said = await edgeOf(site).run(`cat ${file}.1 ${file} 2>/dev/null`);
  return said
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Kept);
}

export interface Drifted {
  machine: string;
  /** Where the baseline is from. */
  baseline: string;
  requests: number;
  fields: Drift[];
}

/** Compares what came in and went out since a time with a baseline, and notes on the machine that somebody looked. @throws Failure requests.none, requests.no-baseline */
export async function drift(
  manifest: Manifest,
  where: Where,
  ssh: SshOptions,
  { sinceMs, baseline }: { sinceMs: number; baseline?: string },
  who: string,
  context: Context,
): Promise<Drifted> {
  const before = await baselineOf(manifest, baseline);
  const kept = await keptRequests(where, ssh, manifest.service, sinceMs, context);
  const now = columns(kept.map((each) => [...flatten(each.request), ...flatten(each.answer)]));
  const fields = driftOf(before.columns, now);
  if (fields.length === 0) {
    throw new Failure(
      "requests.no-baseline",
      `${before.from} and the requests have no field in common that both have ${ENOUGH} values of`,
      {
        hint: "fields are compared by name: those of the request, and of the answer",
      },
    );
  }
  await withSite(where, ssh, context, async (site) => {
    await edgeOf(site).note({ at: new Date().toISOString(), who, service: manifest.service, drift: fields[0]?.psi });
  });
  return { machine: where.name, baseline: before.from, requests: kept.length, fields };
}

type Columns = Map<string, (number | string)[]>;

function columns(rows: readonly [string, number | string][][]): Columns {
  const all: Columns = new Map();
  for (const row of rows) for (const [field, value] of row) all.set(field, [...(all.get(field) ?? []), value]);
  return all;
}

/** What the model was trained on, or the golden requests. @throws Failure requests.no-baseline */
async function baselineOf(manifest: Manifest, named: string | undefined): Promise<{ from: string; columns: Columns }> {
  const file = named ?? manifest.requests?.baseline;
  if (file === undefined) {
    const golden = await loadGolden(manifest);
    const rows = golden.map(({ request, expect }) => [...flatten(request.body), ...flatten(expect.body)]);
    return { from: "golden.json", columns: columns(rows) };
  }
  const text = await readFile(path.resolve(manifest.folder, file), "utf8").catch((error: unknown) => {
    throw new Failure("requests.no-baseline", `${file} cannot be read`, { cause: error });
  });
  const rows = file.endsWith(".csv") ? csvRows(text) : jsonRows(text, file);
  return { from: file, columns: columns(rows) };
}

function jsonRows(text: string, file: string): [string, number | string][][] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      const row = JSON.parse(line) as Record<string, unknown>;
      // What `dray requests export` wrote is a baseline, too.
      return [row["request"] === undefined ? flatten(row) : [...flatten(row["request"]), ...flatten(row["answer"])]];
    } catch (error) {
      throw new Failure("requests.no-baseline", `${file}:${index + 1} is no JSON`, { cause: error });
    }
  });
}

function csvRows(text: string): [string, number | string][][] {
  const rows = parse<Record<string, string>>(text, { columns: true, skip_empty_lines: true, trim: true, bom: true });
  return rows.map((row) =>
    Object.entries(row).flatMap(([field, cell]): [string, number | string][] => {
      if (cell === "") return [];
      return [[field, Number.isFinite(Number(cell)) ? Number(cell) : cell]];
    }),
  );
}
