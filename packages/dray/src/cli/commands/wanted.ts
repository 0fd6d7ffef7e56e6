import { subjectOf } from "../../flows/fleet/places.ts";
import type { TraceWanted } from "../../contract/target.ts";
import { existsSync } from "node:fs";
import type { CheckWanted } from "../../flows/check/check.ts";
import { MANIFEST_FILE } from "../../yaml/load.ts";
import type { Run } from "../command.ts";

/** A container that was started by hand, or only an address: where no manifest is to be read. */
export function handOf(run: Run<{ container?: string }>): Omit<TraceWanted, "headers"> | undefined {
  const { container, machine, file, service } = run.flags;
  const byHand = container !== undefined || (file === undefined && service === undefined && !existsSync(MANIFEST_FILE));
  if (!byHand) return undefined;
  const place = machine === undefined ? {} : { place: { name: machine, at: machine } };
  return { ...place, ...(container === undefined ? {} : { container }) };
}

/** What a person wants checked: a manifest's service on one machine, or what was started by hand. */
export async function wantedOf(run: Run<{ container?: string; url?: string }>): Promise<CheckWanted> {
  const { url } = run.flags;
  const given = url === undefined ? {} : { url };
  const byHand = handOf(run);
  if (byHand !== undefined) return { ...byHand, ...given };
  const { manifest, place } = subjectOf(await run.scope(), run.context);
  return { manifest, place, ...given };
}
