import { type KeeperStatus, readKeeperStatus } from "drayage-record";
import type { Edge } from "./edge.ts";
import { HOME } from "./state.ts";

/** The keeper's last word on itself; undefined before there is one, and where it cannot be read. */
export async function keeperStatus(edge: Edge): Promise<KeeperStatus | undefined> {
  return readKeeperStatus(await edge.run(`cat ${HOME}/keeper-status.json 2>/dev/null`));
}
