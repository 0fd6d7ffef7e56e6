// Many deploys one right after the other, of a program that ignores SIGTERM: does what is left pile up, and does the last deploy cost what the first did?
import { within } from "drayage-clock";
import { run } from "../packages/dray/src/base/process.ts";
import { appImage } from "../test/world/images.ts";
import { startLoad } from "../test/world/load.ts";
import type { Vm } from "../test/world/vm.ts";
import { median } from "./median.ts";
import type { Figures, Stage } from "./stage.ts";

const DEPLOYS_A_ROUND = 12;
const SMOKE_DEPLOYS = 2;
const PER_SECOND = 100;
/** The first deploys and the last ones, of which the medians are told. */
const ENDS = 5;

/** What there was after each deploy. */
interface Seen {
  ms: number[];
  containers: number[];
  retirers: number[];
}

/** Twelve deploys for each round. */
export async function benchBurst(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm();
  const deploys = stage.smoke ? SMOKE_DEPLOYS : rounds * DEPLOYS_A_ROUND;
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nready: /health\nport: 8080\n`);
  // The first one sets the machine up, and the second is the first that has something to retire.
  for (const version of stage.smoke ? ["2"] : ["2", "1", "2"]) await deploy(vm, version);
  const load = startLoad(`http://${vm.address}/`, PER_SECOND);
  const seen: Seen = { ms: [], containers: [], retirers: [] };
  for (let at = 0; at < deploys; at++) {
    const ms = await deploy(vm, at % 2 === 0 ? "1" : "2");
    const [containers, retirers] = [await containersOn(vm), await retirersOf(vm)];
    say(`deploy ${at + 1}: ${ms} ms, ${containers} containers, ${retirers} processes that retire`);
    seen.ms.push(ms);
    seen.containers.push(containers);
    seen.retirers.push(retirers);
  }
  const { sent, failed, problems } = await load.stop();
  say(`${failed} of ${sent} requests lost ${problems[0] ?? ""}`);
  return {
    deploys,
    lost: failed,
    firstMs: median(seen.ms.slice(0, ENDS)),
    lastMs: median(seen.ms.slice(-ENDS)),
    containersMost: Math.max(...seen.containers),
    retirersMost: Math.max(...seen.retirers),
  };
}

async function deploy(vm: Vm, version: string): Promise<number> {
  const startedAt = performance.now();
  const ended = await vm.dray("deploy", appImage(version));
  if (ended.code !== 0) throw new Error(ended.stderr);
  return Math.round(performance.now() - startedAt);
}

async function containersOn(vm: Vm): Promise<number> {
  const all = await vm.inside("docker", "ps", "-aq", "--filter", "label=dray.role=replica");
  return all.split("\n").filter((line) => line !== "").length;
}

/** Processes of this computer that retire something on the machine. */
async function retirersOf(vm: Vm): Promise<number> {
  const { stdout } = await within(10_000, undefined, (signal) => run(["ps", "-eo", "args"], { signal }));
  return stdout.split("\n").filter((line) => line.includes(" retire ") && line.includes(vm.host)).length;
}
