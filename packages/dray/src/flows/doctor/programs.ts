import { readFile, readdir, mkdir, statfs } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { cacheFolder } from "../../base/computer.ts";
import { asFailure, Failure } from "../../base/failure.ts";
import { googleToken, hasLogin } from "../../google/token.ts";
import { type Ended, run } from "../../base/process.ts";
import { local } from "../../machine/local.ts";
import { fails, type Finding, lacking, passes } from "./finding.ts";

/** The oldest Node that dray runs on. */
const OLDEST_NODE: readonly [number, number] = [20, 19];
const LEAST_DISK = 2e9;

export async function askNode(): Promise<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  const said = `${process.version}, ${process.platform} ${process.arch}`;
  return await Promise.resolve(
    old ? fails("node", said, `install Node ${OLDEST_NODE.join(".")} or newer`) : passes("node", said),
  );
}

export async function askSsh(signal: AbortSignal): Promise<Finding> {
  const ended = await tried(["ssh", "-V"], signal);
  if (ended === undefined)
    return fails("ssh", "there is no ssh program", "install it: sudo apt-get install openssh-client");
  return passes("ssh", `${ended.stderr}${ended.stdout}`.trim().split("\n")[0] ?? "");
}

/** Keys in an agent, or in files of the usual names. */
export async function askKey(signal: AbortSignal): Promise<Finding> {
  const agent = await tried(["ssh-add", "-l"], signal);
  if (agent?.code === 0) return passes("ssh key", `${agent.stdout.trim().split("\n").length} in the agent`);
  const folder = path.join(homedir(), ".ssh");
  const files = (await readdir(folder).catch(() => [])).filter((name) => /^id_\w+\.pub$/.test(name));
  if (files.length > 0) return passes("ssh key", files.map((name) => `~/.ssh/${name}`).join(", "));
  return lacking(
    "ssh key",
    "none in ~/.ssh, and no agent",
    "ssh-keygen -t ed25519; a key of another name: ~/.ssh/config",
  );
}

export async function askNpm(signal: AbortSignal): Promise<Finding> {
  const ended = await tried(["npm", "--version"], signal);
  if (ended?.code === 0) return passes("npm", ended.stdout.trim());
  return fails("npm", "there is no npm program", "install it: Node for images and the model server come through it");
}

export async function askDocker(signal: AbortSignal): Promise<Finding> {
  try {
    await using machine = await local(signal);
    const { Version } = await machine.engine.get<{ Version: string }>("/version", { signal });
    return passes("docker", `Docker Engine ${Version}`);
  } catch (error) {
    signal.throwIfAborted();
    const failure = asFailure(error);
    const why = `${failure.message}; needed to build a Dockerfile, and for nothing else`;
    return lacking("docker", why, failure.hint ?? "start Docker");
  }
}

/** Logins for registries and for Google's cloud; nothing of them is shown. */
export async function askLogins(signal: AbortSignal): Promise<Finding> {
  const registries = await registriesIn(path.join(process.env["DOCKER_CONFIG"] ?? path.join(homedir(), ".docker")));
  const found = registries.length === 0 ? [] : [`docker login: ${registries.join(", ")}`];
  try {
    const token = hasLogin() ? await googleToken(signal) : undefined;
    if (token !== undefined) found.push(`Google Cloud: ${token.from}`);
  } catch (error) {
    signal.throwIfAborted();
    const { message, hint } = error instanceof Failure ? error : asFailure(error);
    return fails("login", message, hint ?? "gcloud auth login");
  }
  if (found.length > 0) return passes("login", found.join("; "));
  return lacking(
    "login",
    "none, for no registry and no cloud; needed for private images and Google Cloud",
    "docker login REGISTRY, or gcloud auth application-default login",
  );
}

interface DockerConfig {
  auths?: Record<string, unknown>;
  credHelpers?: Record<string, unknown>;
}

async function registriesIn(folder: string): Promise<string[]> {
  try {
    const { auths, credHelpers } = JSON.parse(await readFile(path.join(folder, "config.json"), "utf8")) as DockerConfig;
    return Object.keys({ ...auths, ...credHelpers }).toSorted((a, b) => a.localeCompare(b));
  } catch {
    return [];
  }
}

/** Layers are made and kept there. */
export async function askCache(): Promise<Finding> {
  const folder = cacheFolder();
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(folder);
    const free = `${folder}, ${(bavail * bsize) / 1e9 > 100 ? "over 100" : ((bavail * bsize) / 1e9).toFixed(1)} GB free`;
    if (bavail * bsize >= LEAST_DISK) return passes("cache", free);
    return fails("cache", free, `make room for ${LEAST_DISK / 1e9} GB, or name another folder in DRAY_CACHE`);
  } catch (error) {
    return fails("cache", asFailure(error).message, "name a folder that can be written in DRAY_CACHE");
  }
}

/** How a program ended; undefined where there is none. */
async function tried(argv: readonly string[], signal: AbortSignal): Promise<Ended | undefined> {
  const ended = await run(argv, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  return ended;
}
