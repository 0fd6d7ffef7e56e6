import type { ContainerFacts, Evidence, Exchange } from "../evidence.ts";

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

/** The command that starts it once more. */
export const again = (found: Evidence): string => (ours(found) ? "dray deploy" : `docker start ${nameIn(found)}`);

/** What was answered to the request itself: from outside, else from inside. */
export const said = (found: Evidence): Exchange | undefined =>
  found.answer?.outcome === "answered" ? found.answer : found.predict;

/** The beginning of a text, as one line without what a terminal would obey. */
export const brief = (text: string = "", most: number = 160): string =>
  text.replaceAll(/[\s\p{Cc}]+/gu, " ").slice(0, most);
