import type { ContainerFacts, Evidence } from "../evidence.ts";

/** The container that should answer. */
export const app = (found: Evidence): ContainerFacts | undefined => found.app ?? undefined;

export const nameIn = (found: Evidence): string =>
  app(found)?.name ?? found.target.container ?? found.target.service ?? "";

/** Was it put there by dray? The record says so, or the answer of a release. */
export const ours = (found: Evidence): boolean =>
  found.record?.current !== undefined ||
  (found.target.service !== undefined && found.answer?.headers?.["x-dray-release"] !== undefined);

export const logOf = (found: Evidence): string => app(found)?.log.at(-1) ?? "nothing";

/** The command that shows its log. */
export const logsCommand = (found: Evidence): string =>
  ours(found) ? "dray logs" : `docker logs ${nameIn(found) || "CONTAINER"}`;
