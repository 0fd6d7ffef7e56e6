// npm run bench -- cloud|crash|deploy|edge|hostile|overload|releases|serve|shadow|trace [--json] [--rounds N]
import { parseArgs } from "node:util";
import { benchCloud } from "./cloud.ts";
import { benchCrash } from "./crash.ts";
import { benchDeploy } from "./deploy.ts";
import { benchEdge } from "./edge.ts";
import { benchHostile } from "./hostile.ts";
import { benchOverload } from "./overload.ts";
import { benchReleases } from "./releases.ts";
import { benchServe } from "./serve.ts";
import { benchShadow } from "./shadow.ts";
import { benchTrace } from "./trace.ts";

const BENCHES = {
  cloud: benchCloud,
  crash: benchCrash,
  deploy: benchDeploy,
  edge: benchEdge,
  hostile: benchHostile,
  overload: benchOverload,
  releases: benchReleases,
  serve: benchServe,
  shadow: benchShadow,
  trace: benchTrace,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, rounds: { type: "string", default: "5" } },
});
const bench = Object.entries(BENCHES).find(([name]) => name === positionals[0])?.[1];
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHES).join("|")} [--json] [--rounds N]\n`);
  process.exit(2);
}
const figures = await bench(Number(values.rounds), (line) => void process.stderr.write(`${line}\n`));
for (const [name, value] of Object.entries(figures))
  process.stderr.write(`${name.padEnd(26)} ${typeof value === "number" ? value : JSON.stringify(value)}\n`);
if (values.json === true) process.stdout.write(`${JSON.stringify(figures)}\n`);
