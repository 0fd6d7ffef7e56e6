// Every fault the rig can make, and whether dray trace names it; and a healthy way, where it must name none.
import { startLoad } from "../test/world/load.ts";
import { meet, RIG_FAULTS, say as ask } from "../test/world/faults.ts";
import { type Rig, startRig } from "../test/world/rig.ts";
import type { Figures, Stage } from "./stage.ts";
import { median } from "./median.ts";

const HEALTHY = 50;
const RTT_MS = 50;
/** One round is a smoke: a few of the faults, a few healthy traces. */
const FEW = { every: 9, healthy: 4 };
const SMOKE = { every: 100, healthy: 2 };

/** `rounds` of 1: a smoke; more: everything once, and once more for a user without sudo. Milliseconds. */
export async function benchTrace(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const all = rounds > 1;
  const few = stage.smoke ? SMOKE : FEW;
  say("a client, a router, a name server, a VM stand-in with a service");
  await using rig = await startRig(await stage.startVm("root"));
  const healthy = await healthyTraces(rig, all ? HEALTHY : few.healthy, say);
  const faults = RIG_FAULTS.filter((_fault, index) => all || index % few.every === 0);
  const met = { hop: 0, fault: 0, ms: [] as number[], missed: [] as string[] };
  const blind = { named: 0, unknown: 0, wrong: [] as string[] };
  for (const fault of faults) {
    const name = [fault.fault, fault.as].filter(Boolean).join(", ");
    const said = await meet(rig, fault, "sue");
    if (said.hop === fault.hop) met.hop++;
    if (said.fault === fault.fault) met.fault++;
    else met.missed.push(`${name}: ${said.fault ?? "nothing"} at ${said.hop ?? "no hop"}`);
    met.ms.push(said.ms);
    const without = fault.user === undefined && all ? await meet(rig, fault, "ops") : undefined;
    if (without?.fault === fault.fault) blind.named++;
    else if (without?.fault === undefined) blind.unknown += without === undefined ? 0 : 1;
    else blind.wrong.push(`${name}: ${without.fault} at ${without.hop}`);
    say(
      `${name}: ${said.fault ?? "nothing"} at ${said.hop ?? "no hop"}, ${said.ms} ms; without sudo: ${without?.fault ?? "unknown"}`,
    );
  }
  return {
    faults: faults.length,
    hopNamed: met.hop,
    faultNamed: met.fault,
    falseAlarms: healthy.falseAlarms,
    medianMs: median(met.ms),
    missed: met.missed,
    brokenMaxMs: Math.max(...met.ms),
    healthyTraces: healthy.count,
    healthyMedianMs: median(healthy.near),
    healthyWallMs: median(healthy.wall),
    healthyDelayedMs: median(healthy.far),
    withoutSudoNamed: blind.named,
    withoutSudoUnknown: blind.unknown,
    withoutSudoWrong: blind.wrong,
  };
}

/** Half of them next door, half over a round trip of 50 ms; all under load. */
async function healthyTraces(
  rig: Rig,
  count: number,
  say: (line: string) => void,
): Promise<{ count: number; falseAlarms: number; near: number[]; far: number[]; wall: number[] }> {
  const found = { count, falseAlarms: 0, near: [] as number[], far: [] as number[], wall: [] as number[] };
  const load = startLoad(`http://${rig.vm.address}/`, 50, { host: "api.example.test" });
  for (let index = 0; index < count; index++) {
    if (index === Math.floor(count / 2)) await rig.delay(RTT_MS);
    const said = await ask(rig, ["--file", index % 2 === 0 ? "ops.yaml" : "root.yaml"]);
    if (said.fault !== undefined || !said.reached) {
      found.falseAlarms++;
      say(
        `false alarm: ${said.fault ?? "not reached"} ${JSON.stringify(said.trace.hops.filter((hop) => hop.verdict !== "ok"))}`,
      );
    }
    (index < Math.floor(count / 2) ? found.near : found.far).push(said.ms);
    found.wall.push(said.wallMs);
  }
  const { failed, problems } = await load.stop();
  if (failed > 0) say(`${failed} requests of the load failed: ${problems[0]}`);
  await rig.near();
  return found;
}
