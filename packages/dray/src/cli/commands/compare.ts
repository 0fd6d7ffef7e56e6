import type { Command } from "commander";
import { asFailure, Failure } from "../../base/failure.ts";
import { compareMarkdown, costRows, FACTS, type Row, WAY_NAMES, type Way, WAYS } from "../../core/compare.ts";
import { percentile } from "../../core/judge.ts";
import { managedOf } from "../../flows/managed.ts";
import { call } from "../../flows/request.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { define, type Run } from "../command.ts";
import { say, sayJson, table } from "../screen/say.ts";
import { baseUrl, callOptions } from "./request.ts";

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
      const manifest = await run.manifest();
      const measured = run.flags.measure === true ? await measure(run, manifest) : { rows: [], ms: undefined };
      const load = {
        requestsPerSecond: numberOf("--rps", run.flags.rps),
        msPerRequest: run.flags.ms === undefined ? (measured.ms ?? DEFAULT_MS) : numberOf("--ms", run.flags.ms),
        machineType: manifest.vertex.machineType,
      };
      const rows = [...measured.rows, ...FACTS, ...costRows(load)];
      run.screen.close();
      if (run.flags.json === true) return sayJson({ load, rows });
      if (run.flags.markdown === true) return say(compareMarkdown(rows));
      for (const { what, cells, source, asOf } of rows) {
        say(`${what}${source === "measured" ? " (measured now)" : ""}`);
        say(
          table(
            ["", ""],
            WAYS.filter((way) => cells[way] !== "").map((way) => [`  ${WAY_NAMES[way]}`, cells[way]]),
          ).replace(/^\s*\n/, ""),
        );
        if (source !== "measured")
          say(
            `  ${source.split(" ")[0] === "computed:" ? `computed from list prices of ${asOf}` : `${source} (${asOf})`}\n`,
          );
      }
    },
  );
}

function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new Failure("usage.invalid", `${flag} ${text} is no number above 0`, { hint: `${flag} 5` });
}

interface Seen {
  ms: number[];
  modelMs: number[];
  failed: number;
  url: string;
  /** Status of a request without key or token. */
  stranger: number;
}

/** What is deployed now, called from here; where nothing is, the reason stands in the cell. */
async function measure(run: Run<Flags>, manifest: Manifest): Promise<{ rows: Row[]; ms: number | undefined }> {
  const count = numberOf("--count", run.flags.count);
  const ways: [Way, () => Promise<Seen>][] = [
    ["drayage", () => measureMachines(run, { ...manifest, target: "machines" }, count)],
    ["vertex", () => measureVertex(run, { ...manifest, target: "vertex" }, count)],
  ];
  const found = new Map<Way, Seen | string>();
  for (const [way, look] of ways) {
    const step = { step: `measure-${way}`, on: "here", title: `call ${WAY_NAMES[way]}` };
    const startedAt = performance.now();
    run.context.emit({ type: "step.started", ...step });
    found.set(
      way,
      await look().catch((error: unknown) => {
        run.context.signal.throwIfAborted();
        return asFailure(error).message;
      }),
    );
    run.context.emit({ type: "step.done", ...step, ms: Math.round(performance.now() - startedAt) });
  }
  const asOf = new Date().toISOString();
  const row = (what: string, cell: (seen: Seen) => string): Row => {
    const of = (way: Way): string => {
      const seen = found.get(way);
      return seen === undefined ? "" : typeof seen === "string" ? `not measured: ${seen}` : cell(seen);
    };
    return {
      what,
      cells: { hand: "", drayage: of("drayage"), vertex: of("vertex"), kubernetes: "", run: "" },
      source: "measured",
      asOf,
    };
  };
  const drayage = found.get("drayage");
  const ms =
    typeof drayage === "object" && drayage.modelMs.length > 0
      ? Math.max(1, percentile(drayage.modelMs, 0.5))
      : undefined;
  return {
    ms,
    rows: [
      row(
        `p50 and p95 from here, of ${count} requests`,
        (seen) =>
          `${percentile(seen.ms, 0.5).toFixed(1)} and ${percentile(seen.ms, 0.95).toFixed(1)} ms, ${seen.failed} failed`,
      ),
      row("without a key or token", ({ stranger }) =>
        stranger < 400 ? `${stranger}: open to everybody` : `${stranger}: refused`,
      ),
      row("encrypted", ({ url }) => (url.startsWith("https:") ? "yes" : "no")),
    ],
  };
}

async function measureMachines(run: Run<Flags>, manifest: Manifest, count: number): Promise<Seen> {
  const base = await baseUrl(run, manifest);
  const [golden] = await loadGolden(manifest);
  const options = await callOptions(
    { count: "1" },
    manifest,
    golden === undefined ? {} : { request: golden.request, golden },
    run.context.signal,
  );
  const seen: Seen = { ms: [], modelMs: [], failed: 0, url: base, stranger: 0 };
  for (let index = 0; index < count; index++) {
    const called = await call(base, options, run.context);
    seen.ms.push(called.timing.totalMs);
    if (called.timing.modelMs !== undefined) seen.modelMs.push(called.timing.modelMs);
    if (called.status >= 400 || called.wrong.length > 0) seen.failed++;
  }
  const { authorization: _key, ...headers } = options.headers;
  seen.stranger = (await call(base, { ...options, headers }, run.context)).status;
  return seen;
}

async function measureVertex(run: Run<Flags>, manifest: Manifest, count: number): Promise<Seen> {
  const target = managedOf(manifest);
  const status = await target?.status(manifest.service, run.context);
  if (target === undefined || status?.url === undefined)
    throw new Failure("service.unknown", "it is not deployed there");
  const golden = (await loadGolden(manifest)).find(({ request }) => request.method === "POST");
  const request = { body: JSON.stringify(golden?.request.body ?? {}), headers: golden?.request.headers ?? {} };
  const seen: Seen = { ms: [], modelMs: [], failed: 0, url: status.url, stranger: 401 };
  for (let index = 0; index < count; index++) {
    const answer = await target.call(manifest.service, request, run.context);
    seen.ms.push(answer.ms);
    if (answer.status >= 400) seen.failed++;
  }
  seen.stranger = await target.stranger(manifest.service, run.context);
  return seen;
}
