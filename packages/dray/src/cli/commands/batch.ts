import path from "node:path";
import type { Command } from "commander";
import { EXIT } from "../../base/codes.ts";
import { Failure } from "../../base/failure.ts";
import { httpAsker } from "../../flows/batch/asker.ts";
import { batch, type BatchJob, type BatchResult } from "../../flows/batch/batch.ts";
import type { Example } from "../../flows/batch/rows.ts";
import { askPrediction } from "../../flows/reach/described.ts";
import type { Sampled } from "../../core/offered.ts";
import { callOptions, sampleOf } from "../../flows/reach/request.ts";
import { define, type Run } from "../command.ts";
import { headersOf } from "../headers.ts";
import { say, sayJson, tell } from "../screen/say.ts";
import { payloadOfJson } from "../../core/payload.ts";
import { saidOf } from "./request.ts";

interface Flags {
  out?: string;
  path?: string;
  header?: string[];
  concurrency: string;
  list: string;
  url?: string;
  force?: boolean;
}

const TIMEOUT_MS = 60_000;

export function addBatch(program: Command): void {
  const command = program
    .command("batch")
    .description("ask the service for every row of a file; a run that was cut off is taken up by the same command")
    .argument("<rows>", ".csv with a header, .jsonl, or .parquet")
    .requiredOption("-o, --out <file>", "answers, a JSON line each, in the rows' order; refused rows go to FILE.failed")
    .option("-p, --path <path>", "where rows are sent (default: as the golden request, or the API's own OpenAPI)")
    .option("-H, --header <name: value...>", "headers")
    .option("--url <url>", "where the API runs, instead of the manifest's service: dray serve, for example")
    .option("--list <n>", "rows in one request, as a list, where the API takes lists", "1")
    .option("--concurrency <n>", "requests that are out at once, at most; 429 makes it fewer for a while", "16")
    .option("--force", "throw away the answers that are there, and begin again");
  const examples = [
    "dray batch rows.csv -o answers.jsonl",
    "dray batch rows.parquet -o answers.jsonl --list 100",
    "dray batch rows.jsonl -o answers.jsonl --url http://localhost:8080 --path /predict",
  ];
  define<Flags>(command, examples, async (run, file = "") => {
    const job = await jobOf(run, file);
    using asking = await askerOf(run, job.concurrency);
    const stopped = run.context.signal;
    try {
      const result = await batch({ ...job, ...asking.part }, run.context);
      run.screen.close();
      return tellResult(run, result);
    } catch (error) {
      if (!stopped.aborted) throw error;
      run.screen.close();
      tell("stopped; what was answered is kept, and the same command goes on from there");
      return EXIT.interrupted;
    }
  });
}

function tellResult(run: Run<Flags>, result: BatchResult): number {
  const { rows, answered, failed, before, ms, out, failedOut } = result;
  const seconds = Math.max(1, ms) / 1000;
  if (run.flags.json === true) sayJson({ ...result, perSecond: Math.round((rows - before) / seconds) });
  else {
    say(`${answered} of ${rows} rows are answered: ${short(out)}`);
    if (failedOut !== undefined) say(`${failed} were refused: ${short(failedOut)} says why, row by row`);
  }
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

/** A file as people would type it here. */
const short = (file: string): string => path.relative(process.cwd(), file) || file;

/** What the command line says about the rows and the answers. @throws Failure usage.invalid */
async function jobOf(
  { flags }: Run<Flags>,
  file: string,
): Promise<Pick<BatchJob, "file" | "out" | "concurrency" | "list" | "force">> {
  const { out = "" } = flags;
  if (!/\.(jsonl|ndjson)$/i.test(out)) {
    throw new Failure("usage.invalid", `${path.basename(out)}: answers are written as JSON lines`, {
      hint: "-o answers.jsonl",
    });
  }
  const [concurrency, list] = [countOf("--concurrency", flags.concurrency), countOf("--list", flags.list)];
  return { file: path.resolve(file), out: path.resolve(out), concurrency, list, force: flags.force === true };
}

function countOf(flag: string, said: string): number {
  const count = Number(said);
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
  throw new Failure("usage.invalid", `${flag} is a number from 1 to 1000, not ${said}`, { hint: `${flag} 16` });
}

/** Who is asked, and what a row looks like there. */
interface Asking extends Disposable {
  part: Pick<BatchJob, "service" | "ask" | "path" | "example">;
}

async function askerOf(run: Run<Flags>, concurrency: number): Promise<Asking> {
  const { url } = run.flags;
  if (url !== undefined) return await byUrl(run, url, concurrency);
  const scope = await run.scope();
  const { manifest } = scope;
  const { service } = manifest;
  const reached = await run.dray.reach(scope);
  // Rows are JSON, whatever the golden request carries.
  const said = { carried: { body: {} }, ...(await saidOf(run.flags)), method: "POST" };
  const sample = await sampleOf(reached, manifest, {}, run.context);
  const options = await callOptions({ reached, manifest }, said, sample, run.context.signal);
  const example = rowOf(sample.request?.body);
  const { base } = reached;
  if (base === undefined) {
    // One route only, which the target knows by itself.
    const ask: BatchJob["ask"] = async (body, signal) =>
      await reached.call({ ...options, body: payloadOfJson(body) }, signal);
    const part = { service, ask, path: sample.request?.path ?? "predict", example };
    return { part, [Symbol.dispose]: () => undefined };
  }
  checkPath(run.flags, sample);
  const ask = httpAsker(base, options, concurrency);
  return { part: { service, ask, path: options.path, example }, [Symbol.dispose]: ask[Symbol.dispose] };
}

/** Without a route that predicts, rows would be posted to /. @throws Failure usage.invalid */
function checkPath(flags: Flags, { request, none }: Sampled): void {
  if (flags.path !== undefined || request !== undefined) return;
  throw new Failure(
    "usage.invalid",
    `nothing says where rows are sent: no golden request, and ${none ?? "no OpenAPI"}`,
    {
      hint: "--path /predict",
    },
  );
}

async function byUrl({ flags, context }: Run<Flags>, url: string, concurrency: number): Promise<Asking> {
  const headers = headersOf(flags.header ?? []);
  const how = { method: "GET", path: "/", headers, timeoutMs: TIMEOUT_MS };
  const found = await askPrediction(url, how, context);
  const sample: Sampled = "none" in found ? found : { request: found.prediction };
  checkPath(flags, sample);
  const at = flags.path ?? sample.request?.path ?? "/";
  const ask = httpAsker(url, { ...how, method: "POST", path: at }, concurrency);
  return {
    part: { service: new URL(url).host, ask, path: at, example: rowOf(sample.request?.body) },
    [Symbol.dispose]: ask[Symbol.dispose],
  };
}

/** One row of an example body. */
function rowOf(body: unknown): Example {
  const one: unknown = Array.isArray(body) ? body[0] : body;
  return typeof one === "object" && one !== null && !Array.isArray(one) ? (one as Example) : undefined;
}
