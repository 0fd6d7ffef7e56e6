import { sleep, within } from "drayage-clock";
import type { Context } from "../../../core/context.ts";
import { EDGE } from "../../../edge/edge.ts";
import { type Engine, isMissing, isTaken } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";

/** Who sets up the edge or the keeper has the container of this name. */
export const TURN = "dray-setup";
const POLL_MS = 100;
/** Setting up takes seconds; whoever holds the turn longer has died. */
const STALE_S = 60;

/**
 * One at a time: engines check a container's name before they make it, and nobody else can have it, which is not
 * so for networks (two of one name are possible). The container is never started.
 */
export async function oneSetupAtATime<T>(
  machine: Machine,
  image: string,
  context: Context,
  act: () => Promise<T>,
): Promise<T> {
  const { engine } = machine;
  const { signal } = context;
  // The edge that runs may be of another image than the one that is wished for, which then is not there.
  const Image = (await imageOfEdge(engine, signal)) ?? image;
  const body = { Image, Entrypoint: [], Cmd: ["true"], Labels: { "dray.role": "turn" } };
  for (;;) {
    try {
      await engine.post("/containers/create", { query: { name: TURN }, body, signal });
      break;
    } catch (error) {
      if (!isTaken(error)) throw error;
      await endStaleTurn(machine, signal);
      await sleep(POLL_MS, signal);
    }
  }
  try {
    return await act();
  } finally {
    await within(10_000, undefined, (fresh) =>
      engine.call("DELETE", `/containers/${TURN}`, { query: { force: true }, signal: fresh }),
    );
  }
}

/** The image that the machine's edge was made of, by its id; undefined where there is no edge. */
export async function imageOfEdge(engine: Engine, signal: AbortSignal): Promise<string | undefined> {
  try {
    return (await engine.get<{ Image: string }>(`/containers/${EDGE}/json`, { signal })).Image;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function endStaleTurn(machine: Machine, signal: AbortSignal): Promise<void> {
  try {
    const [info, turn] = await Promise.all([
      machine.engine.get<{ SystemTime: string }>("/info", { signal }),
      machine.engine.get<{ Created: string }>(`/containers/${TURN}/json`, { signal }),
    ]);
    // Both are the machine's own clock.
    if (Date.parse(info.SystemTime) - Date.parse(turn.Created) < STALE_S * 1000) return;
    await machine.engine.call("DELETE", `/containers/${TURN}`, { query: { force: true }, signal });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
