import type { MachineMetrics } from "../../core/metrics.ts";
import type { Figures } from "../../core/metrics.ts";
import type { Command } from "commander";
import logUpdate from "log-update";
import prettyBytes from "pretty-bytes";
import { define } from "../command.ts";
import { sinceOf } from "../since.ts";
import { say, sayJson, table } from "../screen/say.ts";

const EVERY_MS = 2000;

/** `dray metrics`: what the endpoint did, and how it felt to its callers. */
export function addMetrics(program: Command): void {
  const command = program
    .command("metrics")
    .description(
      "show rate, errors, percentiles, queue against model, by release and caller; the last 30 days are kept",
    )
    .option("--since <time>", "how far back: 5m, 6h, 7d", "15m")
    .option("-w, --watch", "show them anew every two seconds");
  define<{ since: string; watch?: boolean }>(
    command,
    ["dray metrics", "dray metrics --watch --since 1m", "dray metrics --since 7d --json"],
    async (run) => {
      const scope = await run.scope();
      const sinceS = sinceOf(run.flags.since) / 1000;
      if (run.flags.watch !== true) {
        const found = await run.dray.metrics(scope, sinceS);
        if (run.flags.json === true) return sayJson(found);
        return say(found.map(metricsText).join("\n\n"));
      }
      const onMetrics = (found: MachineMetrics): void => {
        if (run.flags.json === true) sayJson(found);
        else if (process.stdout.isTTY) logUpdate(metricsText(found));
        else say(metricsText(found));
      };
      await run.dray.watchMetrics(scope, { sinceS, everyMs: EVERY_MS, onMetrics }).catch((error: unknown) => {
        // Ctrl-C is how watching ends.
        if (!run.context.signal.aborted) throw error;
      });
    },
  );
}

const COLUMNS = ["RELEASE", "REQUESTS", "PER S", "5XX", "429", "P50", "P95", "P99", "QUEUE P95", "MODEL P95"];

function row(name: string, of: Figures): string[] {
  const ms = (value: number): string => `${value} ms`;
  const times = [of.p50Ms, of.p95Ms, of.p99Ms, of.queueP95Ms, of.modelP95Ms].map(ms);
  return [name, String(of.requests), String(of.perSecond), String(of.errors), String(of.refused), ...times];
}

const TOKENS = ["TOKENS", "READ", "WRITTEN", "WRITTEN PER S"];

/** Of releases and callers whose tokens were counted; nothing where none were. */
function tokensText(found: readonly (readonly [string, Figures["tokens"]])[]): string[] {
  const rows = found.flatMap(([name, tokens]) =>
    tokens === undefined ? [] : [[name, ...[tokens.asked, tokens.answered, tokens.perSecond ?? "-"].map(String)]],
  );
  return rows.length === 0 ? [] : [table(TOKENS, rows)];
}

function metricsText({ machine, sinceS, all, releases, callers, containers }: MachineMetrics): string {
  const used = containers.map((each) => [
    each.container,
    `${Math.round(each.cpu * 100)} %`,
    `${prettyBytes(each.memory)} of ${prettyBytes(each.memoryLimit)}`,
    String(each.restarts),
  ]);
  const asked = callers.map((each) => [
    each.caller,
    ...[each.requests, each.errors, each.refused].map(String),
    ...[each.p50Ms, each.p95Ms, each.p99Ms].map((ms) => `${ms} ms`),
  ]);
  return [
    `${machine}, the last ${sinceS >= 7200 ? `${Math.round(sinceS / 3600)} h` : `${Math.round(sinceS / 60)} min`}`,
    table(COLUMNS, [...releases.map((each) => row(each.release, each)), row("all", all)]),
    ...(asked.length === 0 ? [] : [table(["CALLER", "REQUESTS", "5XX", "429", "P50", "P95", "P99"], asked)]),
    ...tokensText([
      ...releases.map(({ release, tokens }) => [release, tokens] as const),
      ...callers.map(({ caller, tokens }) => [caller, tokens] as const),
    ]),
    ...(used.length === 0 ? [] : [table(["CONTAINER", "CPU", "MEMORY", "RESTARTS"], used)]),
  ].join("\n");
}
