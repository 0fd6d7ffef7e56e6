import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import { type NamedClass, namedIn, sklearnOf } from "./pickled.ts";

/** What of Python is to be served, and what it needs. */
export interface PythonSource {
  /** module:function that is asked. */
  asked: string;
  /** The template of predict.py; undefined where the function is the user's own. */
  template?: string;
  /** The template of to_onnx.py, where an exporter of that kind of model exists. */
  exporter?: string;
  /** The model's file, where one is named. */
  model?: string;
  /** Modules that are needed, besides those that the files import. */
  modules: string[];
  /** Versions that the model's file names itself. */
  pins: Record<string, string>;
  /** What people should know before they deploy it. */
  notes: string[];
}

const FUNCTION = /^([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)$/;

/** A function of the user's own. @throws Failure usage.invalid */
export function functionSource(folder: string, asked: string): PythonSource {
  const [, module = ""] = FUNCTION.exec(asked) ?? [];
  if (module === "") {
    throw new Failure("usage.invalid", `--python ${asked} is no module:function`, { hint: "--python predict:predict" });
  }
  const file = `${module.replaceAll(".", "/")}.py`;
  if (!existsSync(path.join(folder, file)))
    throw new Failure("usage.invalid", `there is no ${file} for --python ${asked}`, {
      hint: "--python predict:predict",
    });
  return { asked, modules: [], pins: {}, notes: [] };
}

const PICKLES = /\.(joblib|pkl|pickle)$/i;
const TORCH = /\.(pt|pth)$/i;
const CATBOOST = /\.cbm$/i;
const XGBOOST = /\.(json|ubj)$/i;

/** Is that a model's file that Python serves? */
export const isPythonModel = (file: string): boolean =>
  [PICKLES, TORCH, CATBOOST, XGBOOST].some((kind) => kind.test(file));

/** A model's file, looked at and not opened. @throws Failure usage.invalid, image.no-model */
export async function modelSource(folder: string, file: string): Promise<PythonSource> {
  if (!existsSync(path.join(folder, file)))
    throw new Failure("image.no-model", `there is no ${file}`, { hint: "--model names a file, from this folder" });
  if (file.startsWith(".."))
    throw new Failure("usage.invalid", `${file} is outside of this folder`, {
      hint: "copy it here; it goes into the image",
    });
  const made = { asked: "predict:predict", model: file, pins: {}, notes: [] };
  if (CATBOOST.test(file))
    return { ...made, template: "catboost", exporter: "catboost", modules: ["catboost", "pandas"] };
  if (XGBOOST.test(file)) return { ...made, template: "xgboost", exporter: "xgboost", modules: ["xgboost", "pandas"] };
  const named = await namedIn(path.join(folder, file));
  refuseMain(file, named);
  return TORCH.test(file)
    ? torchSource(file, named, made)
    : await pickleSource(folder, named, { ...made, model: file });
}

type Made = Pick<PythonSource, "asked" | "model" | "pins" | "notes">;

function torchSource(file: string, named: readonly NamedClass[], made: Made): PythonSource {
  if (named.some(({ module }) => module.startsWith("__torch__")))
    return { ...made, template: "torchscript", modules: ["torch"] };
  const modules = modulesOf(named).filter((module) => !/^(collections|torch)\b/.test(module));
  const layers = named.some(({ module }) => module.startsWith("torch.nn.modules"));
  if (modules.length === 0 && !layers) {
    throw new Failure("usage.invalid", `${file} has weights alone, and not the module that they belong to`, {
      hint: "a function that makes the module and loads them: dray init --python predict:predict; or save the whole: torch.jit.script(module).save(...)",
    });
  }
  return { ...made, template: "torch", modules: ["torch", ...modules], notes: [opened(file)] };
}

async function pickleSource(
  folder: string,
  named: readonly NamedClass[],
  made: Made & { model: string },
): Promise<PythonSource> {
  const { model } = made;
  const version = await sklearnOf(path.join(folder, model));
  const pins: Record<string, string> = version === undefined ? {} : { "scikit-learn": version };
  const modules = ["joblib", "pandas", ...modulesOf(named)];
  const blind =
    named.length === 0 ? [`${model} is packed so that nobody can see what it needs: add that to requirements.txt`] : [];
  // No exporter knows what is not scikit-learn's own.
  const known = named.length > 0 && named.every(({ module }) => EXPORTED.test(module));
  const exporter = known ? { exporter: "sklearn" } : {};
  return { ...made, template: "sklearn", ...exporter, modules, pins, notes: [opened(model), ...blind] };
}

const EXPORTED =
  /^(sklearn|numpy|scipy|pandas|joblib|collections|builtins|__builtin__|copyreg|copy_reg|_codecs|functools)\b/;

const opened = (file: string): string =>
  `${file} is a pickle: opening it runs the code that is in it. It was looked at and not opened here; the container opens it. Deploy only files whose makers you trust.`;

/** As Python 2 called what every Python has: older protocols of pickle still write it. */
const OF_EVERY_PYTHON: ReadonlySet<string> = new Set(["__builtin__", "copy_reg", "exceptions"]);

const modulesOf = (named: readonly NamedClass[]): string[] =>
  [...new Set(named.map(({ module }) => module))].filter((module) => !OF_EVERY_PYTHON.has(module));

/** Classes of the script that made the file are known in no other program. @throws Failure usage.invalid */
function refuseMain(file: string, named: readonly NamedClass[]): void {
  const own = [...new Set(named.filter(({ module }) => module === "__main__").map(({ name }) => name))];
  if (own.length === 0) return;
  const words = own.join(", ");
  throw new Failure("usage.invalid", `${file} wants ${words} of the script that made it, which no other program has`, {
    hint: `move ${words} into a file of its own (features.py) that the script imports, and make ${file} again`,
  });
}
