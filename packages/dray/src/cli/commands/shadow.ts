import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import type { ShadowFound } from "../../contract/answers.ts";
import { define, type Run } from "../command.ts";
import { say, sayJson, table } from "../screen/say.ts";

/** `dray shadow`: a release that is asked what real clients ask, and whose answers only we see. */
export function addShadow(program: Command): void {
  const group = program
    .command("shadow")
    .description(
      "send copies of real requests to a release that answers nobody, and compare its answers with the live ones",
    );
  addStart(group);
  const report = group.command("report").description("show how its answers compare with the live ones");
  define<object>(report, ["dray shadow report", "dray shadow report --json"], async (run) => {
    sayFound(run, await run.dray.shadow.report(await run.scope()));
  });
  const stop = group.command("stop").description("end it, and show the last report");
  define<object>(stop, ["dray shadow stop"], async (run) => {
    sayFound(run, await run.dray.shadow.stop(await run.scope()));
  });
}

function addStart(group: Command): void {
  const command = group
    .command("start")
    .description("start the manifest's release beside the live one and send it copies, until stop or the next deploy")
    .argument("[image]", "image instead of the manifest's")
    .option("--share <percent>", "share of the requests that is copied", "20");
  define<{ share: string; port?: string }>(
    command,
    ["dray shadow start", "dray shadow start my-api:2 --share 50"],
    async (run, image) => {
      const share = Number(run.flags.share.replace(/\s*%$/, ""));
      if (!(share > 0 && share <= 100)) {
        throw new Failure("usage.invalid", `--share ${run.flags.share} is no percentage`, { hint: "like 20, or 100" });
      }
      const scope = await run.scope(image);
      const { minAgreement, tolerance, minimum } = scope.manifest.rollout.shadow ?? DEFAULTS;
      const outcomes = await run.dray.shadow.start(scope, { share, minAgreement, tolerance, minimum });
      run.screen.close();
      if (run.flags.json === true) return sayJson(outcomes.map(({ plan: _plan, ...outcome }) => outcome));
      for (const { release, machine } of outcomes)
        say(`${release} gets copies of ${share} % of the requests on ${machine}; dray shadow report compares`);
    },
  );
}

const DEFAULTS = { minAgreement: 0.99, tolerance: 1e-6, minimum: 20 };

function sayFound({ as }: Run<object>, found: readonly ShadowFound[]): void {
  if (as === "json") return sayJson(found);
  for (const one of found) say(reportText(one));
}

function reportText({ machine, running, report }: ShadowFound): string {
  const { release, share, since, until, copied, dropped, compared, agreement, live, shadow } = report;
  const times = running ? `since ${since}` : `from ${since} to ${until}`;
  const lost = dropped > 0 ? `, ${dropped} thrown away because it was behind` : "";
  const head = `${machine}: ${release} ${running ? "gets" : "got"} copies of ${share} % of the requests ${times}`;
  const sums = `${copied} copies${lost}; ${compared} answers compared, ${(agreement * 100).toFixed(2)} % agree`;
  const numbers = (name: string, of: typeof live): string[] => [
    name,
    String(of.count),
    String(of.failed),
    `${of.p50Ms} ms`,
    `${of.p95Ms} ms`,
    `${of.p99Ms} ms`,
  ];
  const rows = [numbers("live", live), numbers("shadow", shadow)];
  const fields = report.differences.map((each) => [
    each.at,
    String(each.count),
    each.meanBy === undefined ? "" : `${short(each.meanBy)} (at most ${short(each.maxBy ?? 0)})`,
    `${each.example.live} -> ${each.example.shadow}`,
  ]);
  return [
    head,
    sums,
    table(["", "ANSWERS", "FAILED", "P50", "P95", "P99"], rows),
    ...(fields.length === 0 ? [] : [table(["FIELD", "DIFFERS", "BY", "FOR EXAMPLE"], fields)]),
  ].join("\n");
}

const short = (value: number): string => String(Number(value.toPrecision(3)));
