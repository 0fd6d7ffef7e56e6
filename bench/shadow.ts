// What copies of 20 % of the requests cost those who wait for the real answers: A/B/A/B in one run.
import type { ShadowReport } from "drayage-keeper";
import { percentile } from "../packages/dray/src/core/judge.ts";
import { appImage } from "../test/world/images.ts";
import { type Load, startLoad } from "../test/world/load.ts";
import type { Vm } from "../test/world/vm.ts";
import type { Figures, Stage } from "./stage.ts";

const PER_SECOND = 100;
const WINDOW_MS = 15_000;
/** Long enough for a copy of a request to be compared. */
const SMOKE_MS = 1500;
const SHARE = 20;
const POST = { body: '{"income": 1}', expect: '"score": 0.9' };

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Measured {
  shadowed: number;
  failedRequests: number;
  p50Ratio: number;
  p99Ratio: number;
  p99Ms: number;
  shadowedP99Ms: number;
  /** Of two windows without a shadow, one against the other: how much the machine itself sways. */
  noise: number;
  compared: number;
  agreement: number;
}

/** p50 and p99 of a service that takes 20 ms, with and without a shadow at 20 %, over `rounds` pairs of windows. */
export async function benchShadow(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  await using vm = await stage.startVm();
  const windowMs = stage.smoke ? SMOKE_MS : WINDOW_MS;
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nenv: {POLITE: "1", TAKES_MS: "20"}\n`,
  );
  await must(vm, "deploy", "-y");
  const plain: Load[] = [];
  const shadowed: Load[] = [];
  let report: ShadowReport | undefined;
  let compared = 0;
  for (let round = 0; round < rounds; round++) {
    plain.push(await measure(vm, windowMs));
    await must(vm, "shadow", "start", "--share", String(SHARE));
    shadowed.push(await measure(vm, windowMs));
    const said = await must(vm, "shadow", "stop", "--json");
    report = (JSON.parse(said) as { report: ShadowReport }[])[0]?.report;
    compared += report?.compared ?? 0;
    say(`round ${round + 1}: p99 ${at([plain.at(-1)], 0.99)} ms, with a shadow ${at([shadowed.at(-1)], 0.99)} ms`);
  }
  plain.push(await measure(vm, windowMs));
  const [even, odd] = [0, 1].map((rest) => plain.filter((_, index) => index % 2 === rest)) as [Load[], Load[]];
  const all = [...plain, ...shadowed];
  const ratio = (a: number, b: number): number => Math.round((a / b) * 1000) / 1000;
  return {
    shadowed: shadowed.reduce((sum, load) => sum + load.sent, 0),
    failedRequests: all.reduce((sum, load) => sum + load.failed, 0),
    p50Ratio: ratio(at(shadowed, 0.5), at(plain, 0.5)),
    p99Ratio: ratio(at(shadowed, 0.99), at(plain, 0.99)),
    p99Ms: at(plain, 0.99),
    shadowedP99Ms: at(shadowed, 0.99),
    noise: ratio(at(even, 0.99), at(odd, 0.99)),
    compared,
    agreement: report?.agreement ?? 0,
  } satisfies Measured;
}

async function must(vm: Vm, ...argv: string[]): Promise<string> {
  const ended = await vm.dray(...argv);
  if (ended.code !== 0) throw new Error(`dray ${argv.join(" ")}: ${ended.stderr}`);
  return ended.stdout;
}

async function measure(vm: Vm, windowMs: number): Promise<Load> {
  // What a reload and the proof left behind is not what is measured.
  await wait(1500);
  const load = startLoad(`http://${vm.address}/decisions`, PER_SECOND, {}, POST);
  await wait(windowMs);
  return await load.stop();
}

/** A percentile of several windows together, in milliseconds. */
function at(loads: readonly (Load | undefined)[], share: number): number {
  const times = loads.flatMap((load) => load?.times ?? []);
  return Math.round(percentile(times, share) * 100) / 100;
}
