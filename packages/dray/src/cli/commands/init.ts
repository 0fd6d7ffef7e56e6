import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { isCancel, text } from "@clack/prompts";
import { type Command, Option } from "commander";
import { stringify } from "yaml";
import { Failure } from "../../base/failure.ts";
import { goldenFrom } from "../../flows/reach/described.ts";
import { saveGolden } from "../../manifest/golden.ts";
import { MANIFEST_FILE, parseManifest } from "../../yaml/load.ts";
import { keepKey } from "../../manifest/kept-keys.ts";
import { newKey } from "../../manifest/keys.ts";
import { LLM_SERVERS } from "../../flows/release/llm.ts";
import { inspectModel, memoryFor, type ModelFacts } from "../../flows/release/model.ts";
import { isPython, type PythonAsked, writePython } from "../../flows/python/project.ts";
import { serviceNameOf } from "../../manifest/name.ts";
import type { Carried } from "../../manifest/carried/carried.ts";
import { fromContainer } from "../../manifest/carried/container.ts";
import { carriedFrom } from "../../manifest/carried/load.ts";
import { LLM_WORDS, llmFrom } from "./init-llm.ts";
import { define, type Run } from "../command.ts";
import { describeModel } from "../model-files.ts";
import { say, sayJson, tell } from "../screen/say.ts";

/** The caller whose key is made with the manifest: the one who made it. */
const CALLER = "owner";
/** Of each key: enough for a person and for most programs, and too little to keep a machine from everybody else. */
const RATE = "50/s";

interface Flags {
  force?: boolean;
  model?: string;
  url?: string;
  example?: string;
  python?: string;
  llm?: string;
  base?: string;
  fromCompose?: string | true;
  fromKamal?: string | true;
  fromContainer?: string;
}

const EXAMPLES = [
  "dray init --machine ops@203.0.113.7",
  "dray init --model model.onnx --machine ops@203.0.113.7",
  "dray init --url http://localhost:8000 --machine ops@203.0.113.7",
  "dray init --model model.onnx --example row.json --machine ops@203.0.113.7",
  "dray init --model model.joblib --example row.json --machine ops@203.0.113.7",
  "dray init --python predict:predict --example row.json --machine ops@203.0.113.7",
  "dray init --llm llama.cpp --model qwen.gguf --machine ops@203.0.113.7",
  "dray init my-api:1 --machine ops@203.0.113.7 --service decisions",
  "dray init --from-compose docker-compose.yml --service api --machine ops@203.0.113.7",
  "dray init --from-kamal",
  "dray init --from-container my-api --machine ops@203.0.113.7",
  "dray init registry.example.com/models/my-api:1 --target kubernetes",
];

function initCommand(program: Command): Command {
  return program
    .command("init")
    .description("write a dray.yaml; asks only for what it cannot find out")
    .argument("[image]", "image to deploy, where there is no Dockerfile")
    .option(
      "--model <file>",
      "an .onnx file (writes schema.yaml and a golden request, too), or a .joblib, .pkl, .pt, .cbm or XGBoost's .json (writes a Dockerfile and a small Python server)",
    )
    .option(
      "--python <module:function>",
      "a function that answers a row, or a list of rows: writes a Dockerfile and a small server for it",
    )
    .addOption(new Option("--llm <server>", LLM_WORDS).choices(LLM_SERVERS))
    .option("--base <image>", "for Python: an image with Python in it, instead of python:VERSION-slim")
    .option("--url <url>", "where the API runs already (here, with uvicorn): its own example becomes a golden request")
    .option("--example <file>", "a row that the model takes, as JSON, where none can be made up for it")
    .option("--from-compose [file]", "a compose file's service; --service says which, where there are several")
    .option("--from-kamal [file]", "a Kamal configuration (default: config/deploy.yml)")
    .option("--from-container <name>", "a container that somebody started by hand on --machine")
    .option("--force", "overwrite what is there");
}

export function addInit(program: Command): void {
  define<Flags>(initCommand(program), EXAMPLES, async (run, image) => {
    const file = path.resolve(run.flags.file ?? MANIFEST_FILE);
    const folder = path.dirname(file);
    const force = run.flags.force === true;
    refuseToOverwrite(file, force);
    const python = isPython(run.flags);
    const model = python ? undefined : run.flags.model;
    const other = (await byHandOf(run)) ?? (await carriedFrom(folder, run.flags)) ?? (await llmFrom(folder, run.flags));
    if (other !== undefined) return await writeCarried(file, other, run.flags);
    const facts =
      model === undefined ? undefined : await inspectModel(path.resolve(model), exampleOf(run.flags), run.context);
    const named = run.flags.service ?? serviceNameOf(folder);
    const { where, front, notes } = await placeFor(run, limitsFor(facts));
    const project = python ? await writePython(askedOf(run.flags, folder, named), run.context) : undefined;
    const source =
      model === undefined ? await sourceOf(folder, image) : { model: path.relative(folder, path.resolve(model)) };
    const found = run.flags.url === undefined ? undefined : await goldenFrom(run.flags.url, run.context);
    const recorded = path.join(folder, GOLDEN);
    const golden =
      facts?.decision !== undefined || found !== undefined || existsSync(recorded) ? { golden: GOLDEN } : {};
    const ready = project === undefined ? {} : { ready: "/health/ready" };
    const manifest = { service: named, ...where, ...source, ...ready, ...golden, ...front.fields };
    const written = stringify(manifest);
    parseManifest(written, path.basename(file));
    const kept = front.key === undefined ? undefined : await keepKey(front.key);
    await writeFile(file, written);
    const others =
      facts === undefined || model === undefined
        ? [...(project?.written ?? [])]
        : await describeModel(folder, path.resolve(model), facts, force);
    if (found !== undefined && (force || !existsSync(recorded))) {
      await saveGolden({ folder, golden: GOLDEN }, [found]);
      others.push(GOLDEN);
    }
    if (run.flags.json === true)
      return sayJson({
        ...manifest,
        written: [path.basename(file), ...others],
        ...(front.key === undefined ? {} : { key: front.key, kept }),
        ...notesOf([...notes, ...(project?.notes ?? [])]),
      });
    if (facts?.refused !== undefined) tell(noExample(facts.refused));
    for (const note of [...notes, ...(project?.notes ?? [])]) tell(note);
    const next = model === undefined ? "deploy" : "serve, or dray deploy";
    const keep =
      "golden" in golden ? "" : "; then dray golden record keeps the API's own example as its golden request";
    say(`wrote ${[path.basename(file), ...others].join(", ")}:\n\n${written}\nnext: dray ${next}${keep}`);
    if (front.key !== undefined && kept !== undefined) tell(keyText(front.key, kept));
  });
}

/** Where it is to run, who may call it there, and what the target tells. */
interface Begun {
  where: object;
  front: { fields: object; key?: string };
  notes: string[];
}

/** A machine is asked for; a target that needs none says itself where it is. @throws Failure */
async function placeFor({ flags, context }: Run<Flags>, limits: object): Promise<Begun> {
  const target = context.targets[flags.target ?? ""];
  const { value, key } = newKey();
  const guarded = { fields: { keys: { [CALLER]: { sha256: key.sha256 } }, rate: RATE, limits }, key: value };
  if (target === undefined || target.needs === "machine") {
    const machine = await answer(flags.machine, "Which machine (what you type after ssh)?", "user@203.0.113.7");
    return { where: { machine }, front: guarded, notes: [] };
  }
  const { options, notes } = (await target.introduce?.(context)) ?? { options: undefined, notes: [] };
  const where = { target: target.kind, ...(options === undefined ? {} : { [target.kind]: options }) };
  return { where, front: target.can.keys === undefined ? { fields: { limits } } : guarded, notes };
}

/** What runs by hand on a machine, where the command line names it. @throws Failure usage.invalid, container.unknown */
async function byHandOf({ flags, dray }: Run<Flags>): Promise<Carried | undefined> {
  const { fromContainer: container, machine, service } = flags;
  if (container === undefined) return undefined;
  if (machine === undefined)
    throw new Failure("usage.invalid", `on which machine does ${container} run?`, {
      hint: `dray init --from-container ${container} --machine user@203.0.113.7`,
    });
  return fromContainer(await dray.hosts.handMade(machine, container), machine, service);
}

/** Writes what another tool's file says, with a key and limits as for every new manifest, and names what was left. */
async function writeCarried(
  file: string,
  { manifest: said, left }: Carried,
  flags: { machine?: string; json?: boolean },
): Promise<void> {
  const { value, key } = newKey();
  const { service, machine: named, machines, ...rest } = said;
  const where =
    machines !== undefined && flags.machine === undefined
      ? { machines }
      : {
          machine:
            flags.machine ??
            named ??
            (await answer(undefined, "Which machine (what you type after ssh)?", "user@203.0.113.7")),
        };
  const limits = { ...limitsFor(undefined), ...(rest["limits"] as object | undefined) };
  const manifest = { service, ...where, ...rest, keys: { [CALLER]: { sha256: key.sha256 } }, rate: RATE, limits };
  const written = stringify(manifest);
  parseManifest(written, path.basename(file));
  const kept = await keepKey(value);
  await writeFile(file, written);
  if (flags.json === true) return sayJson({ ...manifest, written: [path.basename(file)], left, key: value, kept });
  say(`wrote ${path.basename(file)}:\n\n${written}\nnext: dray plan`);
  if (left.length > 0) tell(`not carried over:\n${left.map(({ key: at, reason }) => `  ${at}: ${reason}`).join("\n")}`);
  tell(keyText(value, kept));
}

const keyText = (value: string, kept: string): string =>
  `the key of ${CALLER}, which is not shown again: ${value}\ndray request finds it in ${kept}; callers show it as Authorization: Bearer KEY. For each of them, dray keys add NAME makes one; keys: off in the manifest opens the service to anybody.`;

const GOLDEN = "golden.json";
/** Of a model it is known about how much memory it takes; of an image only its makers know. */
function limitsFor(facts: ModelFacts | undefined): object {
  const front = { body: "10MiB", timeout: "60s" };
  return facts === undefined ? front : { ...front, memory: memoryFor(facts) };
}

/** The server looks at it from a folder of its own. */
function exampleOf({ example, model }: Flags): string | undefined {
  if (example === undefined) return undefined;
  if (model === undefined) {
    throw new Failure("usage.invalid", "--example is a row for a model, and there is no --model", {
      hint: "dray init --model model.onnx --example row.json",
    });
  }
  return path.resolve(example);
}

function askedOf(flags: Flags, folder: string, service: string): PythonAsked {
  const at = (file: string | undefined): string | undefined =>
    file === undefined ? undefined : path.relative(folder, path.resolve(file));
  const { python, base, force = false } = flags;
  return { folder, service, python, base, force, model: at(flags.model), example: at(flags.example) };
}

/** What to know before it is deployed. */
const notesOf = (notes: readonly string[]): object => (notes.length === 0 ? {} : { notes });

const noExample = (said: string): string =>
  `No golden request was written: ${said}. The row was made up; give one that the model takes: dray init --model MODEL --example row.json --force`;

function refuseToOverwrite(file: string, force: boolean): void {
  if (!existsSync(file) || force) return;
  throw new Failure("usage.invalid", `${path.basename(file)} is there already`, {
    hint: "dray init --force overwrites it",
  });
}

/** Where the image comes from: named, built from the Dockerfile here, or asked for. */
async function sourceOf(folder: string, image: string | undefined): Promise<object> {
  if (image !== undefined) return { image };
  const dockerfile = path.join(folder, "Dockerfile");
  if (!existsSync(dockerfile)) return { image: await answer(undefined, "Which image?", "my-api:latest") };
  const port = exposed(await readFile(dockerfile, "utf8"));
  return { build: ".", ...(port === undefined ? {} : { port }) };
}

/** The one port EXPOSE names in a Dockerfile. */
function exposed(dockerfile: string): number | undefined {
  const found = [...dockerfile.matchAll(/^\s*EXPOSE\s+(\d+)/gim)].map((match) => Number(match[1]));
  return found.length === 1 ? found[0] : undefined;
}

async function answer(given: string | undefined, question: string, placeholder: string): Promise<string> {
  if (given !== undefined) return given;
  if (!process.stdin.isTTY)
    throw new Failure("usage.invalid", `${question} Nobody is here to say`, {
      hint: "dray init [image] --machine user@host",
    });
  const said = await text({ message: question, placeholder });
  if (isCancel(said) || said === "" || said === undefined) throw new Failure("usage.declined", "nothing was written");
  return said;
}
