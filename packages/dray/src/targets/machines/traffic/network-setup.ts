import { EDGE, KEEPER } from "../../../edge/edge.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import { KEEPER_APART_LABEL } from "../container/labels.ts";
import { join, makeNetwork } from "../container/network.ts";
import type { Site } from "../plan/observe.ts";

/** Makes a service's network, and puts the edge and the keeper into it while they run; returns its subnet. */
export async function setUpNetwork({ machine }: Site, network: string, signal: AbortSignal): Promise<string> {
  const { engine } = machine;
  const subnet = await makeNetwork(engine, network, signal);
  await join(engine, network, { container: EDGE }, signal);
  if (await isApart(engine, signal)) await join(engine, network, { container: KEEPER }, signal);
  return subnet;
}

/** Does the keeper listen where no replica is? One that an older dray made listens everywhere. */
async function isApart(engine: Engine, signal: AbortSignal): Promise<boolean> {
  try {
    const path = `/containers/${KEEPER}/json`;
    const found = await engine.get<{ Config: { Labels: Record<string, string> } }>(path, { signal });
    return found.Config.Labels[KEEPER_APART_LABEL] !== undefined;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
