import * as z from "zod";
import { name } from "./parts.ts";

/** The values of a manifest before they are checked. */
export type Values = Record<string, unknown>;

export const environmentsKey = z
  .record(name, z.record(z.string(), z.unknown()))
  .optional()
  .describe(
    "Other values by environment, taken with `dray deploy -e NAME`: `{staging: {machine: ops@203.0.113.9}, production: {domain: api.example.com}}`. A map is laid over the map of the same key, anything else replaces it, `null` takes the key away.",
  );

/** A new value takes the place of an old one; maps are laid over each other key by key, and `null` takes a key away. */
export function overlaid(under: Values, over: Values): Values {
  const laid = Object.entries(over).map(([key, value]): [string, unknown] => {
    const before = under[key];
    return [key, isValues(value) && isValues(before) ? overlaid(before, value) : value];
  });
  const all: Values = { ...under, ...Object.fromEntries(laid) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

export function isValues(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What says where a service runs, of the keys that all targets share. */
interface Where {
  service: string;
  target: string;
  machine?: string | undefined;
  machines?: Record<string, string> | undefined;
  parts: Readonly<Record<string, unknown>>;
}

/**
 * Two environments whose deploys would replace each other: one service at one place. Undefined where there are none.
 */
export function sameEndpoint(environments: ReadonlyMap<string, Where>): [string, string] | undefined {
  const owners = new Map<string, string>();
  for (const [environment, where] of environments)
    for (const endpoint of endpointsOf(where)) {
      const owner = owners.get(endpoint);
      if (owner !== undefined) return [owner, environment];
      owners.set(endpoint, environment);
    }
  return undefined;
}

function endpointsOf({ service, target, machine, machines = {}, parts }: Where): string[] {
  const machineNames = machine === undefined ? Object.values(machines) : [machine];
  const places = machineNames.length > 0 ? machineNames : [JSON.stringify(parts[target] ?? {})];
  return [...new Set(places)].map((place) => `${target} ${place} ${service}`);
}
