import type { Measured } from "../../flows/reach/compare.ts";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { compareMarkdown, costRows, factRows, priceAge } from "../../core/compare.ts";
import { define } from "../command.ts";
import { compareText } from "../screen/compare.ts";
import { say, sayJson } from "../screen/say.ts";

interface Flags {
  measure?: boolean;
  markdown?: boolean;
  rps: string;
  ms?: string;
  count: string;
}

const DEFAULT_MS = 20;

/** `dray compare`: the lecture's last question. */
export function addCompare(program: Command): void {
  const command = program
    .command("compare")
    .description(
      "compare this service by hand, with Drayage, on Vertex AI, Kubernetes and Cloud Run: side by side, measured and priced",
    )
    .option("--measure", "call what is deployed now (machines, Vertex AI), and show that, too")
    .option("--rps <n>", "requests a second to price", "1")
    .option("--ms <n>", "how long one processor works on a request (default: measured, else 20)")
    .option("-c, --count <n>", "requests to measure with", "50")
    .option("--markdown", "as a table in Markdown, with its sources");
  define<Flags>(
    command,
    ["dray compare", "dray compare --measure --rps 20", "dray compare --markdown > compare.md"],
    async (run) => {
      const scope = await run.scope();
      const { manifest } = scope;
      const count = numberOf("--count", run.flags.count);
      const measured: Measured = run.flags.measure === true ? await run.dray.measure(scope, count) : { rows: [] };
      const load = {
        requestsPerSecond: numberOf("--rps", run.flags.rps),
        msPerRequest: run.flags.ms === undefined ? (measured.ms ?? DEFAULT_MS) : numberOf("--ms", run.flags.ms),
        machineType: run.dray.nodeType(manifest),
      };
      const rows = [...measured.rows, ...factRows(), ...costRows(load)];
      const now = new Date();
      run.screen.close();
      if (run.flags.json === true) return sayJson({ load, prices: priceAge(now), rows });
      if (run.flags.markdown === true) return say(compareMarkdown(rows, now));
      say(compareText(rows, process.stdout.columns ?? 80, now));
    },
  );
}

function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Failure("usage.invalid", `${flag} ${text} is no number above 0`, { hint: `${flag} 5` });
}
