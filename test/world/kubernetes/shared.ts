import path from "node:path";
import { PROGRAMS_FOLDER } from "./build.ts";
import { startWorld, THEIRS } from "./world.ts";

/** One cluster for all suites of a run, told to them as one that is there already. Resolves to what takes it down. */
export default async function share(): Promise<(() => Promise<void>) | undefined> {
  if (THEIRS.every((name) => process.env[name] !== undefined)) return undefined;
  const world = await startWorld();
  const told = [world.cluster.kubeconfig, world.gateway, world.registry];
  for (const [index, name] of THEIRS.entries()) process.env[name] = told[index];
  process.env["PATH"] = `${PROGRAMS_FOLDER}${path.delimiter}${process.env["PATH"]}`;
  return async () => await world[Symbol.asyncDispose]();
}
