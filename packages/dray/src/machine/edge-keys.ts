import { file } from "./edge-script.ts";
import { type EdgeState, HOME, keysFile } from "./edge-state.ts";

/** Lines that write a service's keys for HAProxy to read when it starts. */
export function keysFileLines(before: EdgeState, after: EdgeState, service: string): string[] {
  const keys = after.services[service]?.keys;
  if (keys === undefined || same(before, after, service)) return [];
  const lines = Object.entries(keys).map(([name, { sha256 }]) => `${sha256} ${name}`);
  return [file(keysFile(service), lines.join("\n"))];
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

function same(before: EdgeState, after: EdgeState, service: string): boolean {
  const [old, next] = [before, after].map((state) => JSON.stringify(state.services[service]?.keys ?? {}));
  return old === next;
}
