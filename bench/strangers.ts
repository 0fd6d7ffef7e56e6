// Containers as people bring them: deployed, traced, called, replaced under load, taken back; and what is refused, by name.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { bring, type Brought, openBrought, readBrought } from "../test/world/brought.ts";
import { prepareBrought } from "../test/world/images.ts";
import { draw } from "../test/world/lot.ts";
import type { Vm } from "../test/world/vm.ts";
import type { Figures, Stage } from "./stage.ts";

/** A code that somebody thought of: anything else is no answer to a stranger. */
const BY_NAME = /^error \[(?!bug|timed-out)[\w.-]+\]/;

/** The whole table, whatever the rounds; a smoke takes one that is deployed and one that is refused, by lot. */
export async function benchStrangers(_rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await prepareBrought();
  await using vm = await stage.startVm();
  await using _direct = await withoutWire(vm);
  await openBrought(vm);
  const figures = { containers: 0, deployed: 0, refusedByName: 0, sent: 0, lost: 0, untrue: 0 };
  const problems: string[] = [];
  for (const brought of chosen(await readBrought(), stage.smoke)) {
    const met = await bring(vm, brought);
    const [first = ""] = met.found.deploy.says;
    figures.containers++;
    if (met.deployed) figures.deployed++;
    else if (BY_NAME.test(first)) figures.refusedByName++;
    figures.sent += met.sent;
    figures.lost += met.lost;
    figures.untrue += met.untrue.length;
    problems.push(...met.untrue.map((each) => `${brought.name}: ${each}`));
    say(`${brought.case} ${brought.name}: ${met.deployed ? `${met.lost} of ${met.sent} lost` : first}`);
    for (const each of met.untrue) say(`  UNTRUE ${each}`);
  }
  return { ...figures, problems };
}

/** What is said of an address is about the machine's own, which a wire before its sshd would hide. */
async function withoutWire(vm: Vm): Promise<AsyncDisposable> {
  const file = path.join(vm.folder, "ssh_config");
  const before = await readFile(file, "utf8");
  if (vm.wire !== undefined)
    await writeFile(file, before.replace(/HostName .*\n\s*Port .*\n/, `HostName ${vm.address}\n`));
  return { [Symbol.asyncDispose]: async () => await writeFile(file, before) };
}

function chosen(all: Brought[], smoke: boolean): Brought[] {
  if (!smoke) return all;
  const served = all.filter(({ call }) => call !== undefined);
  return [
    ...draw(served, 1),
    ...draw(
      all.filter(({ call }) => call === undefined),
      1,
    ),
  ];
}
