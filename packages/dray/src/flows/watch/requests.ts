import { readFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "csv-parse/sync";
import { Failure } from "../../base/failure.ts";
import type { VerbSession } from "../../contract/target.ts";
import { type Drift, type Drifted, driftOf, ENOUGH, flatten } from "../../core/drift.ts";
import type { KeptRequest } from "../../core/kept-request.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { abilityOf, atEach, type Scope } from "../fleet/places.ts";

/** The kept requests since a time, of all places, oldest first. @throws Failure requests.none, target.unsupported */
export async function keptRequests(scope: Scope, sinceMs: number, session: VerbSession): Promise<KeptRequest[]> {
  const ability = abilityOf("requests", scope.manifest, session);
  const all = await atEach(scope, session, async (subject) => await ability.kept(subject, sinceMs, session));
  return all.flat().toSorted((a, b) => a.at.localeCompare(b.at));
}

/** Compares what came in and went out since a time with a baseline, and notes there that somebody looked. @throws Failure requests.none, requests.no-baseline */
export async function drift(
  scope: Scope,
  { sinceMs, baseline }: { sinceMs: number; baseline?: string },
  session: VerbSession,
): Promise<Drifted[]> {
  const ability = abilityOf("requests", scope.manifest, session);
  return await atEach(scope, session, async (subject) => {
    const before = await baselineOf(subject.manifest, baseline);
    const requests = await ability.kept(subject, sinceMs, session);
    const fields = driftFrom(before, requests);
    await ability.noteDrift(subject, fields[0]?.psi, session);
    return { machine: subject.place.name, baseline: before.from, requests: requests.length, fields };
  });
}

function driftFrom(before: { from: string; columns: Columns }, kept: readonly KeptRequest[]): Drift[] {
  const now = columns(kept.map((each) => [...flatten(each.request), ...flatten(each.answer)]));
  const fields = driftOf(before.columns, now);
  if (fields.length > 0) return fields;
  throw new Failure(
    "requests.no-baseline",
    `${before.from} and the requests have no field in common that both have ${ENOUGH} values of`,
    { hint: "fields are compared by name: those of the request, and of the answer" },
  );
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
