import { since } from "drayage-clock";
import { asFailure } from "../../base/failure.ts";
import { run } from "../../base/process.ts";
import type { Context } from "../../core/context.ts";
import type { Origin, Release, RunAs, Settings } from "../../core/release.ts";
import { releaseId } from "../../core/release.ts";
import type { Built, Recipe } from "../../core/recipe.ts";
import type { Cargo } from "../../core/registry.ts";
import { CATALOGUE } from "../../catalogue.ts";
import { byHealthcheck, readyPath } from "../../manifest/ready.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { direct } from "../../registries/direct.ts";

/** The recipe that makes this manifest's image. */
export function recipeOf(manifest: Manifest): Recipe {
  const found = CATALOGUE.recipes.find((recipe) => recipe.wants(manifest));
  if (found === undefined) throw new TypeError("no recipe wants this manifest");
  return found;
}

/** Makes or finds the image on this computer. `architecture`: what it is made for. @throws Failure image.* */
export async function buildImage(
  manifest: Manifest,
  architecture: string,
  from: Origin,
  context: Context,
): Promise<Built> {
  const recipe = recipeOf(manifest);
  const commit = from.commit === undefined ? {} : { commit: from.commit + (from.dirty === true ? "-dirty" : "") };
  const make = (): Promise<Built> => recipe.make({ ...manifest, ...commit }, architecture, context);
  return recipe.title === undefined ? await make() : await shown("build", recipe.title, context, make);
}

/** Hands the image over from the local engine, ready to be carried. */
export async function loadCargo(built: Built, service: string, context: Context): Promise<Cargo> {
  return await shown("load", "read the image", context, () => direct.load(built.reference, service, context));
}

/** Tells of something done on this computer as a step. */
export async function shown<T>(step: string, title: string, context: Context, act: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  context.emit({ type: "step.started", step, on: "here", title });
  try {
    const result = await act();
    context.emit({ type: "step.done", step, on: "here", title, ms: since(startedAt) });
    return result;
  } catch (error) {
    const { code, message } = asFailure(error);
    context.emit({ type: "step.failed", step, on: "here", title, code, message });
    throw error;
  }
}

/** A release of an image, with what the manifest says about running it. @throws Failure image.wrong-arch */
export function makeRelease(manifest: Manifest, built: Built, digest: string, from: Origin): Release {
  const path = readyPath(manifest);
  const settings: Settings = {
    ...portOf(manifest, built),
    ...(path === undefined ? {} : { ready: path }),
    ...(manifest.ready === undefined && built.run !== undefined ? { ready: built.run.ready } : {}),
    ...(manifest.protocol === "h2c" ? { protocol: "h2c" } : {}),
    ...((manifest.readOnly ?? built.run?.readOnly) === true ? { readOnly: true } : {}),
    ...runOf(manifest),
    ...(manifest.domain === undefined ? {} : { domain: manifest.domain }),
    ...(manifest.host === undefined ? {} : { host: manifest.host }),
    ...(manifest.prefix === undefined ? {} : { prefix: manifest.prefix }),
    front: frontOf(manifest),
    ...(manifest.requests === undefined ? {} : { requests: requestsOf(manifest.requests) }),
    ...(manifest.streams ? { streams: true } : {}),
    ...(manifest.otel === undefined ? {} : { otel: manifest.otel }),
    metadata: manifest.metadata,
    replicas: manifest.replicas,
    env: manifest.env,
    secrets: Object.keys(manifest.secrets),
    ...filesOnly(manifest),
    limits: limitsOf(manifest),
  };
  return {
    id: releaseId(Date.now(), Math.random),
    service: manifest.service,
    image: manifest.image ?? (built.cargo === undefined ? built.reference.slice(0, 19) : built.reference),
    digest,
    settings,
    from,
  };
}

/** What the manifest says of the container itself; nothing where it says nothing. */
function runOf(manifest: Manifest): { run?: RunAs } {
  const { command, args, user, init, runtime, hosts, stopSignal, volumes, before, with: others } = manifest;
  const healthcheck = byHealthcheck(manifest) ? true : undefined;
  const said = Object.entries({
    command,
    args,
    user,
    init,
    runtime,
    hosts,
    stopSignal,
    volumes,
    before,
    with: others,
    healthcheck,
  });
  const runAs: RunAs = Object.fromEntries(said.filter(([, value]) => value !== undefined));
  return Object.keys(runAs).length === 0 ? {} : { run: runAs };
}

/** The manifest's port, else the one EXPOSE names; with several or none it is found when the container listens. */
function portOf(manifest: Manifest, built: Built): { port?: number } {
  if (manifest.port !== undefined) return { port: manifest.port };
  const [only, ...more] = built.facts?.exposed ?? [];
  return only !== undefined && more.length === 0 ? { port: only } : {};
}

function filesOnly(manifest: Manifest): Pick<Settings, "secretFiles" | "ownShell" | "keptSecrets"> {
  const variables = Object.values(manifest.secrets).some((source) => source.as !== "file");
  const names = Object.entries(manifest.secrets).flatMap(([name, source]) => (source.as === "file" ? [name] : []));
  const kept = Object.values(manifest.secrets).some((source) => "machine" in source);
  return {
    ...(names.length === 0 ? {} : { secretFiles: names }),
    ...(variables ? { ownShell: true } : {}),
    ...(kept ? { keptSecrets: true } : {}),
  };
}

function requestsOf(requests: NonNullable<Manifest["requests"]>): NonNullable<Settings["requests"]> {
  const { share, mask, only, maxBytes, days } = requests;
  return { share, mask, maxBytes, days, ...(only === undefined ? {} : { only }) };
}

/** The paths that need no key: to be read, and to be posted to. */
function openOf(paths: Manifest["open"]): Pick<NonNullable<Settings["front"]>, "open" | "openPosts"> {
  const posts = paths.flatMap((each) => (typeof each === "string" ? [] : each.post));
  const open = paths.filter((each) => typeof each === "string");
  return { open, ...(posts.length === 0 ? {} : { openPosts: posts }) };
}

/** Of requests and of tokens. */
function ratesOf(rate: Manifest["rate"]): Pick<NonNullable<Settings["front"]>, "rate" | "tokens"> {
  const rates = [rate ?? []].flat().map(({ of, count, perMs }) => [of === "tokens" ? of : "rate", { count, perMs }]);
  return Object.fromEntries(rates) as Pick<NonNullable<Settings["front"]>, "rate" | "tokens">;
}

/** What the edge asks of a request. */
function frontOf(manifest: Manifest): NonNullable<Settings["front"]> {
  const { rate, domain, tls, timeouts, once } = manifest;
  const { body, queue } = manifest.limits;
  const trusted = domain !== undefined && tls !== "off" && (tls?.certificate !== undefined || tls?.acme !== "staging");
  return {
    ...(typeof manifest.keys === "object" ? openOf(manifest.open) : {}),
    ...ratesOf(rate),
    ...(timeouts === undefined ? {} : { timeouts }),
    ...(once === undefined ? {} : { once }),
    ...(body === undefined ? {} : { body }),
    ...(queue === undefined ? {} : { queue }),
    ...(trusted ? { hsts: true } : {}),
    ...corsOf(manifest),
  };
}

function corsOf({ cors }: Manifest): Pick<NonNullable<Settings["front"]>, "cors"> {
  if (cors === undefined) return {};
  const { maxAge, ...rest } = cors;
  return { cors: { ...rest, maxAgeS: Math.round(maxAge / 1000) } };
}

function limitsOf(manifest: Manifest): Settings["limits"] {
  const { memory, shm, pids, nofile, disk, cpus, gpus, concurrency, timeout, ready, drain } = manifest.limits;
  return {
    ...(memory === undefined ? {} : { memory }),
    shm,
    pids,
    ...(nofile === undefined ? {} : { nofile }),
    ...(disk === undefined ? {} : { disk }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(concurrency === undefined ? {} : { concurrency }),
    timeoutMs: timeout,
    readyMs: ready,
    drainMs: drain,
  };
}

/** Who makes a release, from which commit. */
export async function origin(folder: string, context: Context & { who: string }): Promise<Origin> {
  const { who } = context;
  const at = new Date().toISOString();
  const git = async (...args: string[]): Promise<string | undefined> => {
    const ended = await run(["git", "-C", folder, ...args], { signal: context.signal }).catch(() => undefined);
    return ended?.code === 0 ? ended.stdout.trim() : undefined;
  };
  const [commit, status] = await Promise.all([
    git("rev-parse", "--short", "HEAD"),
    git("status", "--porcelain", "--", "."),
  ]);
  return {
    who,
    at,
    ...(commit === undefined ? {} : { commit }),
    ...(status === undefined || status === "" ? {} : { dirty: true }),
  };
}
