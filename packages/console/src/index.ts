/** The server of `dray console`; the page that it serves is in `page/`. */
export { type Opening, openConsole, type RunningConsole } from "./server/server.ts";
export type { CallSession, Failed, LogSaid, LogWanted, Place, Scope, Served, Verbs } from "./verbs.ts";
