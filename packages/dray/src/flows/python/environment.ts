import { existsSync } from "node:fs";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import { run } from "../../base/process.ts";
import type { Context } from "../../core/context.ts";
import { template } from "./templates.ts";

/** A Python of this computer, and what is installed there. */
export interface Environment {
  /** 3.12 */
  python: string;
  /** Distributions that bring the modules that were asked for, and what those need. */
  pins: Record<string, string>;
  /** Modules that nothing installed brings. */
  unknown: string[];
}

/** Asks the Python that the model was probably made with: of an environment that is active, or lies here; else the computer's. */
export async function askPython(
  folder: string,
  modules: readonly string[],
  context: Context,
): Promise<Environment | undefined> {
  const active = process.env["VIRTUAL_ENV"] ?? process.env["CONDA_PREFIX"];
  const environments = [
    ...(active === undefined ? [] : [active]),
    path.join(folder, ".venv"),
    path.join(folder, "venv"),
  ];
  const inside = environments.flatMap((each) => [path.join(each, "bin/python"), path.join(each, "Scripts/python.exe")]);
  const python = inside.find((each) => existsSync(each)) ?? "python3";
  const script = await template("versions.py");
  const ended = await run([python, "-c", script, ...modules], { signal: context.signal }).catch(() => undefined);
  context.signal.throwIfAborted();
  if (ended?.code !== 0) return undefined;
  return JSON.parse(ended.stdout) as Environment;
}

/** Belong to a build of torch for GPUs. */
const OF_CUDA = /^(nvidia-|triton$|cuda-)/;

/** The lines of requirements.txt. @throws Failure usage.invalid where a version is known to nobody */
export function requirementsOf(
  found: Environment | undefined,
  modules: readonly string[],
  own: Readonly<Record<string, string>>,
): string[] {
  const missing = (found?.unknown ?? modules).filter((module) => own[DISTRIBUTION[module] ?? module] === undefined);
  if (missing.length > 0) {
    const words = missing.join(", ");
    const why =
      found === undefined
        ? `no Python answers here that could say in which versions ${words} are needed`
        : `${words} is needed, and is not installed here: nobody knows in which version`;
    throw new Failure("usage.invalid", why, {
      hint: `write requirements.txt (${missing[0]}==VERSION), or run this in the environment that the model was made in; a .venv here is found`,
    });
  }
  const pins = { ...found?.pins, ...own };
  return Object.entries(pins)
    .filter(([name]) => !OF_CUDA.test(name))
    .map(([name, version]) => `${name}==${version.replace(/\+.*/, "")}`)
    .toSorted();
}

/** Where a module and what brings it have other names, and the model's file says the version. */
const DISTRIBUTION: Readonly<Record<string, string>> = { sklearn: "scikit-learn" };
