import { readFile } from "node:fs/promises";
import { Failure } from "../../base/failure.ts";
import { compareGolden } from "../../core/golden.ts";
import type { Prepared } from "../../core/prepared.ts";
import { monthText } from "../../core/prices.ts";
import type { Managed, ManagedTarget } from "../../core/target.ts";
import { orderOf } from "../../flows/managed.ts";
import { loadGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { agree } from "../agree.ts";
import type { Run } from "../command.ts";
import { headersOf } from "../headers.ts";
import { planText } from "../screen/screen.ts";
import { say, sayJson, table, tell } from "../screen/say.ts";
import { sinceOf } from "../since.ts";

interface Flags {
  dryRun?: boolean;
  yes?: boolean;
  now?: boolean;
}

/** `dray deploy` where somebody else keeps the machines. */
export async function deployManaged(run: Run<Flags>, target: ManagedTarget, manifest: Manifest): Promise<void> {
  const { dryRun = false, now = false } = run.flags;
  const order = await orderOf(manifest, dryRun, now, run.context);
  await carry(run, await target.deploy(order, run.context));
}

export async function rollbackManaged(
  run: Run<Flags>,
  target: ManagedTarget,
  manifest: Manifest,
  to: string | undefined,
): Promise<void> {
  await carry(run, await target.rollback(manifest.service, to, run.context));
}

async function carry(run: Run<Flags>, prepared: Prepared<Managed>): Promise<void> {
  const { flags, screen } = run;
  const price = prepared.monthly === undefined ? "" : `It costs ${monthText(prepared.monthly)}, called or not.`;
  if (flags.dryRun === true) {
    screen.close();
    if (flags.json === true) return sayJson({ plan: prepared.plan, monthly: prepared.monthly });
    return say([planText(prepared.plan), ...(price === "" ? [] : [price])].join("\n"));
  }
  run.context.emit({ type: "planned", plan: prepared.plan });
  await agree(run, prepared.plan, price, "agreed");
  const done = await prepared.perform(run.context);
  screen.close();
  if (flags.json === true) return sayJson({ ...done, totalMs: Math.round(performance.now()) });
  say(`${done.service} ${done.release} serves at ${done.url}`);
  if (done.monthly !== undefined) say(`it costs ${monthText(done.monthly)}`);
  for (const note of done.notes) tell(note);
}

export async function statusManaged(run: Run<object>, target: ManagedTarget, manifest: Manifest): Promise<void> {
  const status = await target.status(manifest.service, run.context);
  if (run.flags.json === true) return sayJson([status]);
  say(`${status.where}: ${status.url ?? "no endpoint: nothing deployed"}`);
  const rows = status.releases
    .toReversed()
    .map(({ release, state, share, nodes, image, since = "" }) => [
      release,
      state === "canary" || state === "traffic" ? `${share} %` : state,
      nodes,
      image,
      since,
    ]);
  if (rows.length > 0) say(table(["RELEASE", "STATE", "NODES", "IMAGE", "SINCE"], rows));
  for (const note of status.notes) say(note);
}

export async function removeManaged(run: Run<Flags>, target: ManagedTarget, manifest: Manifest): Promise<void> {
  const prepared = await target.remove(manifest.service, run.context);
  await agree(run, prepared.plan, "", "declined");
  const left = await prepared.perform(run.context);
  run.screen.close();
  if (run.flags.json === true) return sayJson(left);
  for (const line of [...left.done, ...left.costs]) say(line);
}

interface CallFlags {
  data?: string;
  count: string;
  header?: string[];
}

/** The golden request, or what the flags say, sent to the model's route. */
export async function requestManaged(run: Run<CallFlags>, target: ManagedTarget, manifest: Manifest): Promise<void> {
  const { data, count, header = [] } = run.flags;
  const golden =
    data === undefined ? (await loadGolden(manifest)).find(({ request }) => request.method === "POST") : undefined;
  const said = data?.startsWith("@") === true ? await readFile(data.slice(1), "utf8") : data;
  const body = said ?? JSON.stringify(golden?.request.body ?? {});
  const headers = { ...golden?.request.headers, ...headersOf(header) };
  const all = [];
  for (let index = 0; index < Number(count); index++) {
    const answer = await target.call(manifest.service, { body, headers }, run.context);
    const wrong = golden === undefined ? [] : compareGolden({ ...golden, expect: withoutTime(golden.expect) }, answer);
    all.push({ ...answer, wrong });
    if (run.flags.json !== true)
      say(
        `POST -> ${answer.status}${answer.release === undefined ? "" : ` from ${answer.release}`}, ${answer.ms} ms\n${answer.body}`,
      );
  }
  if (run.flags.json === true) sayJson(all);
  const [bad] = all.flatMap(({ status, wrong }) =>
    wrong.length > 0 ? wrong : status >= 400 ? [`status ${status}`] : [],
  );
  if (bad !== undefined) throw new Failure("request.failed", bad, { hint: "dray logs shows what the API said" });
}

function withoutTime<T extends { withinMs?: number }>({ withinMs: _without, ...rest }: T): Omit<T, "withinMs"> {
  return rest;
}

export async function logsManaged(
  run: Run<{ tail: string; since?: string; follow?: boolean }>,
  target: ManagedTarget,
  manifest: Manifest,
): Promise<void> {
  const { tail, since, follow } = run.flags;
  if (follow === true)
    throw new Failure("target.unsupported", "logs of a managed service are not followed", {
      hint: "gcloud beta logging tail; or dray logs --since 5m",
    });
  const sinceMs = since === undefined ? undefined : Date.now() - sinceOf(since);
  const limit = tail === "all" ? 1000 : Number(tail);
  for (const line of await target.logs(manifest.service, limit, sinceMs, run.context))
    say(run.flags.json === true ? JSON.stringify({ line }) : line);
}

/** `dray trace` where somebody else keeps the machines: 1 where the way is broken. */
export async function traceManaged(run: Run<object>, target: ManagedTarget, manifest: Manifest): Promise<number> {
  const golden = (await loadGolden(manifest)).find(({ request }) => request.method === "POST");
  const hops = await target.trace(manifest.service, golden, run.context);
  const broken = hops.find(({ verdict }) => verdict === "broken");
  const exit = broken === undefined ? 0 : 1;
  if (run.flags.json === true) {
    sayJson({ v: 1, target: target.kind, service: manifest.service, reached: broken === undefined, hops });
    return exit;
  }
  for (const { hop, verdict, evidence } of hops) say(`${verdict === "ok" ? "✓" : "✗"} ${hop.padEnd(18)} ${evidence}`);
  if (broken !== undefined) say(`\nbroken at ${broken.hop}: ${broken.why}\nfix: ${broken.fix}`);
  return exit;
}
