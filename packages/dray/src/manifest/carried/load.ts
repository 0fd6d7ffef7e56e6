import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../base/failure.ts";
import type { Carried } from "./carried.ts";
import { fromCompose } from "./compose.ts";
import { fromKamal } from "./kamal.ts";

const COMPOSE_FILES = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];
const KAMAL_FILES = ["config/deploy.yml"];

/** What the command line says of another tool's file; `true`: the one that is there. */
export interface From {
  fromCompose?: string | true;
  fromKamal?: string | true;
  service?: string;
}

/** A manifest of another tool's file, where one is named. @throws Failure usage.invalid, manifest.syntax */
export async function carriedFrom(
  folder: string,
  { fromCompose: compose, fromKamal: kamal, service }: From,
): Promise<Carried | undefined> {
  if (compose !== undefined) {
    const file = find(folder, compose, COMPOSE_FILES);
    const variables = { ...(await dotEnv(path.dirname(file))), ...process.env };
    const named = service === undefined ? {} : { service };
    return fromCompose({
      source: await readFile(file, "utf8"),
      file: path.relative(folder, file),
      variables,
      ...named,
    });
  }
  if (kamal === undefined) return undefined;
  const file = find(folder, kamal, KAMAL_FILES);
  return fromKamal(await readFile(file, "utf8"), path.relative(folder, file), process.env);
}

function find(folder: string, named: string | true, usual: readonly string[]): string {
  const files = named === true ? usual : [named];
  const found = files.map((each) => path.resolve(folder, each)).find((each) => existsSync(each));
  if (found !== undefined) return found;
  throw new Failure("usage.invalid", `there is no ${files.join(", ")} here`, { hint: "name the file that is meant" });
}

/** What compose itself reads beside its file: NAME=value, a line each. */
async function dotEnv(folder: string): Promise<Record<string, string>> {
  const text = await readFile(path.join(folder, ".env"), "utf8").catch(() => "");
  const rows = text.split("\n").flatMap((line) => {
    const [, name, value = ""] = /^\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value.replace(/^(["'])(.*)\1$/, "$2")] as const];
  });
  return Object.fromEntries(rows);
}
