import path from "node:path";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import type { CallOptions } from "../../core/call.ts";
import type { Golden } from "../../core/golden.ts";
import { recordAnswer } from "../../flows/reach/described.ts";
import { type Field, writtenPayload } from "../../core/payload.ts";
import { goldenFile, loadGolden, saveGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";
import { type CallFlags, saidOf } from "./request.ts";
import type { Sampled } from "../../core/offered.ts";
import { baseUrl, callOptions, type RequestSaid, sampleOf } from "../../flows/reach/request.ts";
import type { Reached } from "../../contract/reached.ts";
import type { VerbSession } from "../../contract/target.ts";

/** `dray golden record`: what the live release answers becomes what is expected of every later one. */
export function addGolden(program: Command): void {
  const group = program
    .command("golden")
    .description("record golden requests: the answers that every release must give");
  const command = group
    .command("record")
    .description(
      "ask the live release the golden requests, or one more, or the example of its own OpenAPI where there is none, and write its answers down",
    )
    .option("-d, --data <text|@file>", "body of one more golden request: JSON, other text, or a file")
    .option("-F, --form <name=value...>", "its fields, where it is a form: name=value, name=@file")
    .option("-p, --path <path>", "its path")
    .option("-X, --method <method>", "its method")
    .option("-H, --header <name: value...>", "its headers");
  define<Omit<CallFlags, "count">>(
    command,
    [
      "dray golden record",
      "dray golden record --path /decisions -d @loan.json",
      "dray golden record --path /classify -d @cat.jpg",
    ],
    async (run) => {
      const scope = await run.scope();
      const { manifest } = scope;
      const known = await loadGolden(manifest);
      const said = await saidOf(run.flags);
      const asked = said.path !== undefined || said.carried !== undefined;
      const reached = await run.dray.reach(scope);
      const base = baseUrl(reached, manifest);
      const samples: Sampled[] = asked
        ? [{}]
        : known.length > 0
          ? known.map((golden) => ({ request: golden.request, golden }))
          : [await described({ reached, manifest }, said, run.context)];
      const recorded: Golden[] = [];
      for (const sample of samples) {
        const options = await callOptions({ reached, manifest }, said, sample, run.context.signal);
        const expect = sample.golden === undefined ? {} : { expect: sample.golden.expect };
        const golden = { request: sample.request ?? requestOf(options, said, manifest), ...expect };
        recorded.push(await recordAnswer(base, golden, options, run.context));
      }
      const all = asked ? [...known, ...recorded] : recorded;
      const file = await saveGolden(manifest, all);
      if (run.flags.json === true) return sayJson({ file, golden: all });
      for (const { request, expect } of recorded)
        say(`${request.method} ${request.path} -> ${expect.status} ${expectedText(expect)}`);
      say(`written to ${file}`);
    },
  );
}

/** The API's own example becomes the golden request, where there is none. @throws Failure usage.invalid */
async function described(
  { reached, manifest }: { reached: Reached; manifest: Manifest },
  said: RequestSaid,
  session: VerbSession,
): Promise<Sampled> {
  const sample = await sampleOf(reached, manifest, said, session);
  if (sample.none === undefined) return sample;
  throw new Failure("usage.invalid", `there is no golden request to record the answer of, and ${sample.none}`, {
    hint: "name one: dray golden record --path PATH -d @body.json",
  });
}

/** The request that was sent, as golden.json says it: its files by their paths from there. */
function requestOf(
  { method, path: at }: CallOptions,
  { carried = {} }: RequestSaid,
  manifest: Manifest,
): Golden["request"] {
  const folder = path.dirname(goldenFile(manifest));
  const from = (file: string): string => path.relative(folder, path.resolve(file));
  const { file, form, text, payload } = carried;
  if (file !== undefined) return { method, path: at, file: from(file), ...(payload === undefined ? {} : { payload }) };
  if (text !== undefined && payload !== undefined)
    return { method, path: at, headers: { "content-type": payload.type }, text };
  if (form === undefined) return { method, path: at, ...writtenPayload(carried) };
  const fields = Object.entries(form).map(([name, field]): [string, Field] => [
    name,
    typeof field === "string" ? field : { ...field, file: from(field.file) },
  ]);
  return { method, path: at, form: Object.fromEntries(fields) };
}

function expectedText({ body, text, type, sha256, completion }: Golden["expect"]): string {
  if (completion !== undefined) return `a completion: ${JSON.stringify(completion)}`;
  if (body !== undefined) return JSON.stringify(body);
  return text === undefined ? [type, sha256].filter((each) => each !== undefined).join(" ") : JSON.stringify(text);
}
