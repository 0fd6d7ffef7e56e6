import type { KeeperStatus } from "drayage-keeper";
import type { Edge } from "./edge.ts";
import { parseJson } from "./script.ts";
import { HOME } from "./state.ts";

/** What the keeper last said of itself; undefined before it has said anything. */
export async function keeperStatus(edge: Edge): Promise<KeeperStatus | undefined> {
  return parseJson(await edge.run(`cat ${HOME}/keeper-status.json 2>/dev/null`)) as KeeperStatus | undefined;
}
