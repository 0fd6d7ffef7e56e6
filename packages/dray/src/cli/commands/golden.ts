import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import type { Golden } from "../../core/golden.ts";
import { recordAnswer } from "../../flows/described.ts";
import { loadGolden, saveGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";
import { type CallFlags, saidOf } from "./request.ts";
import { baseOf, callOptions, type Said, type Sample, sampleOf } from "../../flows/request.ts";
import type { Reached, VerbSession } from "../../contract/target.ts";

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
    .option("-d, --data <json|@file>", "body of one more golden request")
    .option("-p, --path <path>", "its path")
    .option("-X, --method <method>", "its method")
    .option("-H, --header <name: value...>", "its headers");
  define<Omit<CallFlags, "count">>(
    command,
    ["dray golden record", "dray golden record --path /decisions -d @loan.json"],
    async (run) => {
      const scope = await run.scope();
      const { manifest } = scope;
      const known = await loadGolden(manifest);
      const said = await saidOf(run.flags);
      const asked = said.path !== undefined || said.body !== undefined;
      const reached = await run.dray.reach(scope);
      const base = baseOf(reached, manifest);
      const samples: Sample[] = asked
        ? [{}]
        : known.length > 0
          ? known.map((golden) => ({ request: golden.request, golden }))
          : [await described({ reached, manifest }, said, run.context)];
      const recorded: Golden[] = [];
      for (const sample of samples) {
        const options = await callOptions({ reached, manifest }, said, sample, run.context.signal);
        const expect = sample.golden === undefined ? {} : { expect: sample.golden.expect };
        const golden = { request: sample.request ?? requestOf(options), ...expect };
        recorded.push(await recordAnswer(base, golden, options, run.context));
      }
      const all = asked ? [...known, ...recorded] : recorded;
      const file = await saveGolden(manifest, all);
      if (run.flags.json === true) return sayJson({ file, golden: all });
      for (const { request, expect } of recorded)
        say(`${request.method} ${request.path} -> ${expect.status} ${JSON.stringify(expect.body ?? null)}`);
      say(`written to ${file}`);
    },
  );
}

/** The API's own example becomes the golden request, where there is none. @throws Failure usage.invalid */
async function described(
  { reached, manifest }: { reached: Reached; manifest: Manifest },
  said: Said,
  session: VerbSession,
): Promise<Sample> {
  const sample = await sampleOf(reached, manifest, said, session);
  if (sample.none === undefined) return sample;
  throw new Failure("usage.invalid", `there is no golden request to record the answer of, and ${sample.none}`, {
    hint: "name one: dray golden record --path /decisions -d @body.json",
  });
}

function requestOf(options: Awaited<ReturnType<typeof callOptions>>): Golden["request"] {
  const { method, path, body } = options;
  return { method, path, ...(body === undefined ? {} : { body: JSON.parse(body) as never }) };
}
