import { brokenHop, type Trace } from "../../packages/dray/src/core/trace.ts";
import { ACCESS } from "./faults/access.ts";
import { BY_HAND } from "./faults/by-hand.ts";
import { type RigFault, service } from "./faults/fault.ts";
import { PACKET } from "./faults/packet.ts";
import { REACH } from "./faults/reach.ts";
import { SERVED } from "./faults/served.ts";
import { TLS } from "./faults/tls.ts";
import { draw } from "./lot.ts";
import { type Rig, startRig } from "./rig.ts";

/** On the way to the machine; and on the machine itself. */
export const WAY_FAULTS: readonly RigFault[] = [...REACH, ...PACKET, ...TLS];
export const MACHINE_FAULTS: readonly RigFault[] = [...BY_HAND, ...SERVED, ...ACCESS];

/** Every fault the rig can make. */
export const RIG_FAULTS: readonly RigFault[] = [...WAY_FAULTS, ...MACHINE_FAULTS];

/** What `dray trace` said of a fault. */
export interface Said {
  hop?: string;
  fault?: string;
  reached: boolean;
  /** Milliseconds: of the walk, and of the whole command. */
  ms: number;
  wallMs: number;
  trace: Trace;
}

/** Runs `dray trace` on the client, as it would be typed. @throws Error with what it printed when that is no trace */
export async function say(rig: Rig, argv: readonly string[], env: Record<string, string> = {}): Promise<Said> {
  const ended = await rig.dray(["trace", "--json", ...argv], env);
  let trace: Trace;
  try {
    trace = JSON.parse(ended.stdout) as Trace;
    const broken = brokenHop(trace);
    const cause = broken?.fault === undefined ? {} : { hop: broken.hop, fault: broken.fault };
    return { ...cause, reached: trace.reached, ms: trace.ms, wallMs: ended.ms, trace };
  } catch (error) {
    throw new Error(`no trace: ${ended.stdout}\n${ended.stderr}`, { cause: error });
  }
}

/** Makes a fault, asks, and mends it. `user`: who is on the machine, where the fault does not say. */
export async function meet(rig: Rig, fault: RigFault, user: "root" | "sue" | "ops"): Promise<Said> {
  const undo = await fault.inject(rig);
  try {
    return await say(rig, (fault.argv ?? service)(rig, fault.user ?? user), fault.env?.(rig));
  } finally {
    await undo();
  }
}

/** Makes one fault after the other on a rig of its own; of those that were not named as they should, what was said. */
export async function meetAll(faults: readonly RigFault[]): Promise<string[]> {
  await using rig = await startRig();
  const wrong: string[] = [];
  const whole = async (): Promise<void> => {
    const { fault, reached, trace } = await say(rig, ["--file", "sue.yaml"]);
    if (fault !== undefined || !reached) wrong.push(`a way that is whole: ${fault} ${JSON.stringify(trace)}`);
  };
  await whole();
  // A sixth of them a day once more for a user without sudo, who may be told less, and nothing wrong.
  const blind = new Set(
    draw(
      faults.filter(({ user }) => user === undefined),
      Math.ceil(faults.length / 6),
    ),
  );
  for (const fault of faults) {
    const said = await meet(rig, fault, "sue");
    if (said.fault !== fault.fault || said.hop !== fault.hop) wrong.push(`${nameOf(fault)}: ${wordsOf(said)}`);
    const unreadable = said.trace.hops.filter(({ why, fix }) => /\[object|NaN/.test(`${why} ${fix}`));
    wrong.push(...unreadable.map(({ why, fix }) => `${nameOf(fault)} is told as ${why} ${fix}`));
  }
  for (const fault of blind) {
    const said = await meet(rig, fault, "ops");
    if (said.fault !== undefined && said.fault !== fault.fault)
      wrong.push(`${nameOf(fault)}, without sudo: ${wordsOf(said)}`);
  }
  // All mended: the way is as it was.
  await whole();
  return wrong;
}

const nameOf = ({ fault, as }: RigFault): string => [fault, as].filter(Boolean).join(", ");

const wordsOf = ({ fault, hop, trace }: Said): string =>
  `${fault} at ${hop} ${JSON.stringify(trace.hops.map((each) => [each.hop, each.verdict, each.evidence]))}`;
