import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { isCancel, text } from "@clack/prompts";
import type { Command } from "commander";
import { stringify } from "yaml";
import { Failure } from "../../base/failure.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/load.ts";
import { define } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";

export function addInit(program: Command): void {
  const command = program
    .command("init")
    .description("write a dray.yaml; asks only for what it cannot find out")
    .argument("[image]", "image to deploy, where there is no Dockerfile")
    .option("--force", "overwrite a dray.yaml");
  define<{ force?: boolean }>(
    command,
    ["dray init --machine ops@203.0.113.7", "dray init my-api:1 --machine ops@203.0.113.7 --service decisions"],
    async (run, image) => {
      const file = path.resolve(run.flags.file ?? MANIFEST_FILE);
      if (existsSync(file) && run.flags.force !== true)
        throw new Failure("usage.invalid", `${path.basename(file)} is there already`, {
          hint: "dray init --force overwrites it",
        });
      const folder = path.dirname(file);
      const dockerfile = path.join(folder, "Dockerfile");
      const source =
        image !== undefined
          ? { image }
          : existsSync(dockerfile)
            ? { build: "." }
            : { image: await answer(undefined, "Which image?", "my-api:latest") };
      const port =
        image === undefined && existsSync(dockerfile) ? exposed(await readFile(dockerfile, "utf8")) : undefined;
      const manifest = {
        service: run.flags.service ?? serviceName(folder),
        machine: await answer(run.flags.machine, "Which machine (what you type after ssh)?", "user@203.0.113.7"),
        ...source,
        ...(port === undefined ? {} : { port }),
        ...(existsSync(path.join(folder, "golden.json")) ? { golden: "golden.json" } : {}),
      };
      const written = stringify(manifest);
      parseManifest(written, path.basename(file));
      await writeFile(file, written);
      if (run.flags.json === true) return sayJson(manifest);
      say(`wrote ${path.basename(file)}:\n\n${written}\nnext: dray deploy`);
    },
  );
}

/** The one port EXPOSE names in a Dockerfile. */
function exposed(dockerfile: string): number | undefined {
  const found = [...dockerfile.matchAll(/^\s*EXPOSE\s+(\d+)/gim)].map((match) => Number(match[1]));
  return found.length === 1 ? found[0] : undefined;
}

function serviceName(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "");
  return name === "" ? "api" : name.slice(0, 40);
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
