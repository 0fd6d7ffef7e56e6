import { file } from "./script.ts";
import { type EdgeState, HOME, keysFile, type ServiceState } from "./state.ts";

/** The caller that may read the numbers, and nothing else by that. */
export const METRICS_CALLER = "metrics";

/**
 * Does a caller need a key? A service that is closed stays so when its last key is revoked. A state of an older dray does
 * not say: there it is closed where it has keys, and a key that is only for the numbers closes nothing.
 */
export function isClosed({ keys, closed }: Pick<ServiceState, "keys" | "closed">): boolean {
  if (closed !== undefined) return closed;
  if (keys === undefined) return false;
  const names = Object.keys(keys);
  return names.length === 0 || names.some((name) => name !== METRICS_CALLER);
}

/** Lines that write keys for HAProxy to read when it starts: those that changed, or `all`, where another dray wrote before. */
export function keysFileLines(before: EdgeState, after: EdgeState, all: boolean): string[] {
  return Object.values(after.services).flatMap(({ service, keys }) => {
    const had = before.services[service]?.keys;
    if (keys === undefined || (!all && JSON.stringify(had) === JSON.stringify(keys))) return [];
    const lines = Object.entries(keys).map(([name, { sha256 }]) => `${sha256} ${name}`);
    return [file(keysFile(service), lines.join("\n"))];
  });
}

/** Commands for HAProxy's runtime API that make a change of keys count at once, for the next request. */
export function keyCommands(before: EdgeState, after: EdgeState, service: string): string[] {
  const [old, next] = [before, after].map((state) => state.services[service]?.keys);
  if (old === undefined || next === undefined) return [];
  const map = `${HOME}/${keysFile(service)}`;
  const hashes = (of: typeof old): Set<string> => new Set(Object.values(of).map((key) => key.sha256));
  const [had, has] = [hashes(old), hashes(next)];
  return [
    ...[...had].filter((sha256) => !has.has(sha256)).map((sha256) => `del map ${map} ${sha256}`),
    ...Object.entries(next).flatMap(([name, { sha256 }]) =>
      had.has(sha256) ? [] : [`add map ${map} ${sha256} ${name}`],
    ),
  ];
}
