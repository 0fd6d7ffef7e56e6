// npm run bench -- burst|carry|cloud|crash|deploy|... [--json] [--rounds N]: one of them in full.
// npm run bench -- smoke [NAME...] [--json]: all of them, or those named, for seconds each.
import { parseArgs } from "node:util";
import { evidence, hold, removeAll } from "../test/world/witness.ts";
import { benchBurst } from "./burst.ts";
import { benchCarry } from "./carry.ts";
import { benchCloud } from "./cloud.ts";
import { benchConsole } from "./console.ts";
import { benchCrash } from "./crash.ts";
import { benchDeploy } from "./deploy.ts";
import { benchEdge } from "./edge.ts";
import { benchHostile } from "./hostile.ts";
import { benchInstall } from "./install.ts";
import { benchKubernetes } from "./kubernetes.ts";
import { benchLlm } from "./llm.ts";
import { benchModels } from "./models.ts";
import { benchOverload } from "./overload.ts";
import { benchReleases } from "./releases.ts";
import { benchSchema } from "./schema.ts";
import { benchServe } from "./serve.ts";
import { benchShadow } from "./shadow.ts";
import { type Figures, FULL, openSmoke, type Stage } from "./stage.ts";
import { benchStrangers } from "./strangers.ts";
import { benchTrace } from "./trace.ts";
import { benchWire } from "./wire.ts";

type Say = (line: string) => void;

interface Bench {
  run: (rounds: number, say: Say, stage: Stage) => Promise<Figures>;
  /** The figures that it promises, for whoever reads its JSON. */
  keys: string;
  /** It needs a cluster, which takes minutes to make: a smoke leaves it out. */
  apart?: true;
}

/** A new bench is one line here: the smoke starts it, and fails when one of its keys is missing. */
const BENCHES: Record<string, Bench> = {
  burst: { run: benchBurst, keys: "deploys lost firstMs lastMs containersMost retirersMost" },
  carry: { run: benchCarry, keys: "images maxRssMb" },
  cloud: { run: benchCloud, keys: "requestsChecked rejected gcloudChecked gcloudRejected goldens goldenDiffs" },
  console: {
    run: benchConsole,
    keys: "jsGzKb firstPaintMs updateMs idleCpuPercent hostile through axeViolations longTasks",
  },
  crash: {
    run: benchCrash,
    keys: "points served failedRequests failedWithoutEngine stuckLocks recovered told engineMs problems",
  },
  deploy: {
    run: benchDeploy,
    keys: "handServingMs drayServingMs handTotalMs drayTotalMs drayRollbackServingMs handDownMs drayFailed rttPenaltyMs bytesSent drayWarmServingMs handServing50Ms drayServing50Ms drayWarmServing50Ms drayRollbackServing50Ms servingRatio totalRatio",
  },
  edge: {
    run: benchEdge,
    keys: "directRps oursRps haproxyRps nginxRps caddyRps oursP50Ms oursP99Ms haproxyP99Ms nginxP99Ms caddyP99Ms oursCpuUs haproxyCpuUs overHaproxy overNginx overCaddy perCpuOverHaproxy",
  },
  hostile: {
    run: benchHostile,
    keys: "sent kinds through keeperRestarts edgeRestarts crashed planted problems controls",
  },
  install: {
    run: benchInstall,
    keys: "packageMb fetchedMb installSeconds cliStartMs firstEndpointSeconds warnings",
  },
  kubernetes: {
    run: benchKubernetes,
    keys: "servingMs kubectlServingMs helmServingMs rollbackServingMs kubectlRollbackServingMs helmRollbackServingMs failed kubectlFailed streamsCut kubectlStreamsCut rttPenaltyMs",
    apart: true,
  },
  llm: {
    run: benchLlm,
    keys: "streams cut ttftPenaltyMs tokensCounted tokensTrue freedMs countUsPerEvent takenBack problems",
  },
  models: {
    run: benchModels,
    keys: "files servable served right mixed silentlyWrong refusedClearly unclear",
  },
  overload: {
    run: benchOverload,
    keys: "sent accepted refused broken withoutRetryAfter calmP99Ms acceptedP50Ms acceptedP99Ms refusedP50Ms refusedP99Ms edgeGrewMiB afterP99Ms afterRefused",
  },
  releases: {
    run: benchReleases,
    keys: "rolledBack bad alerts falseAlarms good failedByProof failed failedShare problems",
  },
  schema: {
    run: benchSchema,
    keys: "servers cases leastCases failures errors metricsFaults",
  },
  serve: {
    run: benchServe,
    keys: "sklearnRps fastapiOrtRps oursRps standardRps overStandard oursUnbatchedRps noModelRps modelLoopRps idleP50Ms unbatchedIdleP50Ms p99Ms rssMb coldStartMs overSklearn overFastapiOrt overNoModel imageMb mlpBatchedRps mlpUnbatchedRps mlpWorkersRps mlpThreadsRps mlpHalfLoadP99Ms",
  },
  shadow: {
    run: benchShadow,
    keys: "shadowed failedRequests p50Ratio p99Ratio p99Ms shadowedP99Ms noise compared agreement",
  },
  strangers: {
    run: benchStrangers,
    keys: "containers deployed refusedByName sent lost untrue problems",
  },
  trace: {
    run: benchTrace,
    keys: "faults hopNamed faultNamed falseAlarms medianMs missed brokenMaxMs healthyTraces healthyMedianMs healthyWallMs healthyDelayedMs withoutSudoNamed withoutSudoUnknown withoutSudoWrong",
  },
  wire: { run: benchWire, keys: "inputs taken letGo different" },
};

const say: Say = (line) => void process.stderr.write(`${line}\n`);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, rounds: { type: "string", default: "5" } },
});
const [name = "", ...only] = positionals;
const bench = BENCHES[name];
if (bench === undefined && name !== "smoke") {
  say(`usage: npm run bench -- ${Object.keys(BENCHES).join("|")}|smoke [NAME...] [--json] [--rounds N]`);
  process.exit(2);
}
const figures = bench === undefined ? await smoke() : await bench.run(Number(values.rounds), say, FULL);
for (const [key, value] of Object.entries(figures))
  say(`${key.padEnd(26)} ${typeof value === "number" ? value : JSON.stringify(value)}`);
if (values.json === true) process.stdout.write(`${JSON.stringify(figures)}\n`);

/** Starts every bench, or those that were named, over one stand-in; says at the end which of them did not do what it promises. */
async function smoke(): Promise<Figures> {
  const all: Figures = {};
  const wrong: string[] = [];
  hold();
  try {
    await using stage = await openSmoke();
    for (const [each, { run, keys, apart }] of Object.entries(BENCHES)) {
      if (only.length > 0 ? !only.includes(each) : apart === true) continue;
      const startedAt = performance.now();
      const said: string[] = [];
      try {
        all[each] = await run(1, (line) => void said.push(line), stage);
        const missing = keys.split(" ").filter((key) => !isFigure((all[each] as Figures)[key]));
        if (missing.length > 0) wrong.push(`${each}: its JSON has no ${missing.join(", ")}`);
      } catch (error) {
        const why = `${each}: ${String(error)}\n${said.slice(-5).join("\n")}`;
        wrong.push(why);
        await tellOf(why);
      }
      say(`smoke: ${each} took ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    }
  } finally {
    await removeAll();
  }
  if (wrong.length > 0) process.exitCode = 1;
  for (const each of wrong) say(`FAILED ${each}`);
  return all;
}

/** Neither missing nor the mean of nothing. */
function isFigure(value: unknown): boolean {
  return value !== undefined && !Number.isNaN(value);
}

async function tellOf(why: string): Promise<void> {
  const { commands, logs } = await evidence();
  say(`== FAILED ${why}\n${[...commands, ...logs].join("\n")}`);
}
