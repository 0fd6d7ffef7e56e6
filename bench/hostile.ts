// 100,000 hostile inputs from outside and from a replica's side, with keys, HTTPS, a shadow and kept requests; then the
// same with three old holes put back, one at a time, which must be found.
import { revokedKinds } from "../test/world/hostile-doors.ts";
import { type Findings, Siege } from "../test/world/siege.ts";
import { CONTROLS, type Control } from "./hostile-control.ts";
import type { Stage } from "./stage.ts";

const PER_ROUND = 20_000;
/** Of a smoke: a few of each kind. */
const SMOKE_INPUTS = 200;
/** Of the kinds that a hole lets through. */
const IN_CONTROL = 300;

type Figures = Omit<Findings, "problems"> & { problems: string[]; controls: Record<string, Partial<Findings>> };

/** `rounds` times 20,000 inputs in all. The command fails where an old hole is not found. */
export async function benchHostile(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm();
  const inputs = stage.smoke ? SMOKE_INPUTS : rounds * PER_ROUND;
  await using siege = await Siege.lay(vm);
  const kinds = siege.kinds();
  const each = Math.ceil(inputs / (Object.keys(kinds).length + 3));
  say(`${each} of each kind`);
  const found = await siege.storm(each * Object.keys(kinds).length, kinds);
  await siege.stillGood(found);
  say(summary(found));
  const controls: Record<string, Partial<Findings>> = {};
  for (const control of CONTROLS.filter(({ revoked }) => !revoked))
    controls[control.name] = await prove(siege, control, found);
  await siege.dray("keys", "revoke", "partners");
  const after = await siege.storm(each, revokedKinds(siege.doors), false);
  say(summary(after));
  for (const control of CONTROLS.filter(({ revoked }) => revoked))
    controls[control.name] = await prove(siege, control, after);
  return { ...together(found, after), controls };
}

const summary = ({ problems, ...figures }: Findings): string => [JSON.stringify(figures), ...problems].join("\n");

/** Puts a hole back, and takes it away again: it has to be found, or what was found before proves nothing. */
async function prove(siege: Siege, control: Control, { problems }: Findings): Promise<Partial<Findings>> {
  try {
    await control.open(siege.vm);
    const all = { ...siege.kinds(), ...revokedKinds(siege.doors) };
    const kinds = Object.fromEntries(Object.entries(all).filter(([name]) => control.kinds.includes(name)));
    const { kinds: _kinds, problems: _problems, ...found } = await siege.storm(IN_CONTROL, kinds, false);
    if (found[control.shows] === 0) {
      process.exitCode = 1;
      const blind = `the hole ${control.name} was put back and not found: ${control.shows} is 0`;
      problems.push(blind);
      process.stderr.write(`FAILED hostile: ${blind}\n`);
    }
    return found;
  } finally {
    await control.close(siege.vm);
  }
}

function together(a: Findings, b: Findings): Findings {
  return {
    sent: a.sent + b.sent,
    kinds: { ...a.kinds, ...b.kinds },
    through: a.through + b.through,
    keeperRestarts: a.keeperRestarts + b.keeperRestarts,
    edgeRestarts: a.edgeRestarts + b.edgeRestarts,
    crashed: a.crashed + b.crashed,
    planted: a.planted + b.planted,
    problems: [...a.problems, ...b.problems],
  };
}
