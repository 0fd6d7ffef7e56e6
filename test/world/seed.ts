import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { run } from "../../packages/dray/src/base/process.ts";
import { appImage, EDGE_IMAGE, must, vmImage } from "./images.ts";

const KEEPER = fileURLToPath(new URL("../../packages/keeper/dist/bundle/main.js", import.meta.url));
const PREFIX = "drayage-world-seed-";

/** The volume with what a stand-in's engine has after a deploy: the layers of edge, keeper and API, and no container. */
function seedName(): string {
  const parts = [vmImage("bookworm"), EDGE_IMAGE, appImage("1"), process.version, readFileSync(KEEPER, "utf8")];
  return PREFIX + createHash("sha256").update(parts.join("\n")).digest("hex").slice(0, 10);
}

/** An empty volume, made last: without it somebody was stopped while the layers were copied. */
const wholeName = (): string => `${seedName()}-whole`;

/** Whether it was made. */
export async function hasSeed(): Promise<boolean> {
  const found = await run(["docker", "volume", "inspect", wholeName()], { signal: AbortSignal.timeout(60_000) });
  return found.code === 0;
}

/** Makes a stand-in's volume with what the seed has; without a seed there is none, and the engine begins with nothing. */
export async function growFromSeed(volume: string): Promise<void> {
  if (await hasSeed()) await copyVolume(seedName(), volume);
}

/** Makes the seed from a stopped stand-in's volume; what there was before goes. */
export async function makeSeed(from: string): Promise<void> {
  const names = await must(["docker", "volume", "ls", "-q", "--filter", `name=${PREFIX}`]);
  for (const name of names.split("\n").filter(Boolean)) await must(["docker", "volume", "rm", name]);
  await copyVolume(from, seedName());
  await must(["docker", "volume", "create", wholeName()]);
}

/** Makes a volume like another: the layers, which an engine never changes, as links to the same files; the rest as copies. */
async function copyVolume(from: string, to: string): Promise<void> {
  const root = await must(["docker", "info", "-f", "{{.DockerRootDir}}"]);
  const script = [
    `cd /volumes/${from}/_data`,
    `tar -c --exclude=./overlay2 . | tar -x -C /volumes/${to}/_data`,
    `cp -al overlay2 /volumes/${to}/_data/`,
  ].join(" && ");
  // What says that a folder of a layer hides the one below is an attribute that only SYS_ADMIN may copy.
  const rights = ["--network", "none", "--cap-add", "SYS_ADMIN", "-v", `${root}/volumes:/volumes`];
  await must(["docker", "volume", "create", to]);
  await must(["docker", "run", "--rm", ...rights, vmImage("bookworm"), "sh", "-c", script]);
}
