import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { Failure } from "../../base/failure.ts";
import type { Context } from "../../core/context.ts";
import type { Json } from "../../core/json.ts";
import { askPython, requirementsOf } from "./environment.ts";
import { needsOf } from "./imports.ts";
import { functionSource, isPythonModel, modelSource, type PythonSource } from "./source.ts";
import { template } from "./templates.ts";

/** What the command line says about a model of Python. */
export interface PythonAsked {
  folder: string;
  service: string;
  /** module:function */
  python?: string | undefined;
  /** A model's file, from the folder. */
  model?: string | undefined;
  /** A file with a row. */
  example?: string | undefined;
  /** Image with Python in it. */
  base?: string | undefined;
  force: boolean;
}

/** What was written, and what to know. */
export interface PythonProject {
  written: string[];
  notes: string[];
  /** Is there a golden request now? */
  golden: boolean;
}

/** Is the model one of Python? */
export function isPython({ python, model }: Pick<PythonAsked, "python" | "model">): boolean {
  return python !== undefined || (model !== undefined && isPythonModel(model));
}

const SERVER = ["prometheus-client==0.26.0", "pyyaml==6.0.4", "starlette==1.10.0", "uvicorn==0.54.0"];
const UV = "0.13.9";
const PYTHON = "3.12";

/**
 * Writes what makes an API of a model of Python: a Dockerfile, the server, and what they need. All of it is small, and
 * the user's from then on. The model is not opened, and none of the user's code runs here.
 * @throws Failure usage.invalid, image.no-model
 */
export async function writePython(asked: PythonAsked, context: Context): Promise<PythonProject> {
  const { folder, force } = asked;
  if (!force && existsSync(path.join(folder, "Dockerfile"))) {
    throw new Failure("usage.invalid", "there is a Dockerfile already, and it says how the image is made", {
      hint: "dray init without --python and --model builds with it; --force writes another one over it",
    });
  }
  const example = await exampleOf(asked);
  const source = await sourceOf(asked);
  const texts = await textsOf(asked, source, example, context);
  const written: string[] = [];
  for (const [name, text] of Object.entries(texts)) {
    const at = path.join(folder, name);
    // What the user wrote is kept; what is only ours is new each time that it is asked for.
    if (existsSync(at) && !(force && OURS.has(name))) continue;
    await mkdir(path.dirname(at), { recursive: true });
    await writeFile(at, text);
    written.push(name);
  }
  const faster =
    source.exporter === undefined
      ? []
      : ["to_onnx.py makes an ONNX file of it, which is served without Python and many times as fast"];
  return { written, notes: [...source.notes, ...faster], golden: existsSync(path.join(folder, GOLDEN)) };
}

const GOLDEN = "golden.json";
const OURS: ReadonlySet<string> = new Set([
  "Dockerfile",
  "serve.py",
  "serve-requirements.txt",
  ".dockerignore",
  GOLDEN,
  "schema.yaml",
]);

async function sourceOf({ folder, python, model }: PythonAsked): Promise<PythonSource> {
  if (python !== undefined) {
    const source = functionSource(folder, python.replace(/\.py:/, ":"));
    return model === undefined ? source : { ...source, model };
  }
  return await modelSource(folder, model ?? "");
}

async function textsOf(
  asked: PythonAsked,
  source: PythonSource,
  example: Row | undefined,
  context: Context,
): Promise<Record<string, string>> {
  const { folder } = asked;
  const module = source.asked.split(":")[0] ?? "";
  const needs = await needsOf(folder, [...source.modules, ...(source.template === undefined ? [module] : [])]);
  const listed = existsSync(path.join(folder, "requirements.txt"));
  const found = await askPython(folder, needs.modules, context);
  const requirements = listed ? undefined : requirementsOf(found, needs.modules, source.pins);
  const lines = requirements ?? (await readFile(path.join(folder, "requirements.txt"), "utf8")).split("\n");
  const torch = lines.some((line) => /^torch\b/.test(line));
  return {
    Dockerfile: dockerfile(asked, source, { python: found?.python ?? PYTHON, torch, local: needs.local }),
    ".dockerignore": IGNORED,
    "serve.py": await template("serve.py"),
    "serve-requirements.txt": `# What serve.py itself needs.\n${SERVER.join("\n")}\n`,
    ...(requirements === undefined ? {} : { "requirements.txt": `${requirements.join("\n")}\n` }),
    ...(source.template === undefined ? {} : { "predict.py": await predictOf(source) }),
    ...(source.exporter === undefined ? {} : { "to_onnx.py": await exporterOf(source) }),
    "schema.yaml": schemaOf(example),
    ...(example === undefined ? {} : { [GOLDEN]: goldenOf(example) }),
  };
}

async function predictOf({ template: kind = "", model = "" }: PythonSource): Promise<string> {
  return naming(await template(`predict/${kind}.py`), "MODEL_FILE", model);
}

async function exporterOf({ exporter = "", model = "" }: PythonSource): Promise<string> {
  const text = naming(await template(`export/${exporter}.py`), "MODEL_FILE", model);
  return naming(text, "ONNX_FILE", `${model.slice(0, model.length - path.extname(model).length)}.onnx`);
}

/** Puts a file's name into a program and its comments; a name with quotes or backslashes stays one text of Python. */
function naming(text: string, word: string, file: string): string {
  const plain = file.replaceAll(/["\\{}\r\n]/g, "_");
  return text.replaceAll(`"${word}"`, () => JSON.stringify(file)).replaceAll(word, () => plain);
}

interface Facts {
  python: string;
  torch: boolean;
  /** Files of the folder that predict.py needs. */
  local: readonly string[];
}

/** Layers in the order of change: what changes most often comes last, and is all that travels then. */
function dockerfile({ service, base }: PythonAsked, source: PythonSource, { python, torch, local }: Facts): string {
  const cpu = torch ? " --torch-backend cpu" : "";
  const install = "RUN uv pip install --system --break-system-packages --no-cache";
  return [
    `# The model's API, made by dray init and yours from then on.`,
    `FROM ${base ?? `python:${python}-slim`}`,
    `RUN command -v uv || pip install --no-cache-dir uv==${UV}`,
    `WORKDIR /app`,
    `COPY serve-requirements.txt ./`,
    `${install} -r serve-requirements.txt`,
    `COPY requirements.txt ./`,
    ...(torch
      ? ["# Without a GPU, torch is a tenth of the size. With one: a base image with CUDA, and this word away."]
      : []),
    `${install}${cpu} -r requirements.txt`,
    ...copies(source, local),
    `ENV PYTHONUNBUFFERED=1 DRAY_SERVICE=${service} MODEL=${source.asked}`,
    `USER 65532:65532`,
    `EXPOSE 8080`,
    `CMD ["python3", "-c", "import serve; serve.main()"]`,
    "",
  ].join("\n");
}

/** Of a folder that a function may read from, all goes in; of one with a model's file, that file and the code. */
function copies({ template: kind, model }: PythonSource, local: readonly string[]): string[] {
  if (kind === undefined || model === undefined) return ["COPY . ./"];
  const packages = [...new Set(local.filter((file) => file.includes("/")).map((file) => file.split("/")[0] ?? ""))];
  return [
    `COPY ${JSON.stringify([model, model])}`,
    ...packages.map((folder) => `COPY ${folder}/ ./${folder}/`),
    "COPY *.py schema.yaml ./",
  ];
}

const IGNORED = `# What the container does not need, and what nobody else may see.
.*
!.python-version
venv
__pycache__
*.pem
*.key
dray.yaml
golden.json
Dockerfile
`;

type Row = Record<string, Json>;

/** @throws Failure usage.invalid */
async function exampleOf({ folder, example }: PythonAsked): Promise<Row | undefined> {
  if (example === undefined) return undefined;
  const wrong = (said: string): Failure =>
    new Failure("usage.invalid", `${example}: ${said}`, { hint: 'a row is an object: {"income": 41000, "age": 37}' });
  const text = await readFile(path.resolve(folder, example), "utf8").catch(() => {
    throw wrong("there is no such file");
  });
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : "no JSON");
  }
  if (typeof row === "object" && row !== null && !Array.isArray(row)) return row as Row;
  throw wrong("this is no row");
}

/** The types of the example's values; all else is for a person to fill in. */
function schemaOf(example: Row | undefined): string {
  const head =
    "# What a row is: it is checked before the model is asked. For each feature: title, description, unit, minimum, maximum,\n# values (a list of what is allowed), default, missing: true (it may be null), example. Without features, any object is a row.\n";
  const features = Object.entries(example ?? {}).map(([name, value]) => ({ name, ...typeOf(value), example: value }));
  return head + stringify({ title: "A model", ...(features.length === 0 ? {} : { features }) });
}

function typeOf(value: Json): { type?: string; missing?: true } {
  if (value === null) return { missing: true };
  const type = typeof value;
  return type === "number" || type === "string" || type === "boolean" ? { type } : {};
}

/** The answer is recorded when the API runs: dray golden record. */
function goldenOf(example: Row): string {
  const golden = { request: { method: "POST", path: "/decisions", body: example }, expect: { status: 200 } };
  return `${JSON.stringify([golden], undefined, 2)}\n`;
}
