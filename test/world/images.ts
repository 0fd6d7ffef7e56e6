import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { within } from "drayage-clock";
import { cacheFolder } from "../../packages/dray/src/base/computer.ts";
import { ContentStore } from "../../packages/dray/src/oci/content-store.ts";
import { run } from "../../packages/dray/src/base/process.ts";
import type { Context } from "../../packages/dray/src/core/context.ts";
import { local } from "../../packages/dray/src/machine/local.ts";
import { edgeImage, makeEdge } from "../../packages/dray/src/recipes/edge.ts";
import { makeKeeper } from "../../packages/dray/src/recipes/keeper.ts";
import { shellLayer } from "../../packages/dray/src/recipes/shell.ts";
import { carry } from "../../packages/dray/src/registries/direct.ts";
import { owned, worldFolder } from "./owner.ts";

const FOLDER = fileURLToPath(new URL("images", import.meta.url));

/** Debian releases and the engine each brings: 20.10, 26, 28. */
export const SUITES = ["bookworm", "trixie", "forky"] as const;
export type Suite = (typeof SUITES)[number];

/** Changes with a Dockerfile and every file it copies, so that a cached image is never a stale one. */
function hash(dockerfile: string): string {
  const source = readFileSync(path.join(FOLDER, dockerfile), "utf8");
  const copied = [...source.matchAll(/^COPY (?!--from)(\S+)/gm)].map((match) =>
    readFileSync(path.join(FOLDER, match[1] ?? ""), "utf8"),
  );
  return createHash("sha256")
    .update([source, ...copied].join("\n"))
    .digest("hex")
    .slice(0, 10);
}

export const vmImage = (suite: Suite): string => `drayage-world/vm:${suite}-${hash("vm.Dockerfile")}`;
/** This computer's, by Docker's name. */
export const ARCHITECTURE: "amd64" | "arm64" = process.arch === "arm64" ? "arm64" : "amd64";
/** The edge that ships, on this computer's engine, too. */
export const EDGE_IMAGE: string = edgeImage(ARCHITECTURE);
/** Where the world's dray keeps what it fetched and made. */
export const CACHE: string = path.join(tmpdir(), "dray-world-cache");
export const REGISTRY_IMAGE: string = `drayage-world/registry:${hash("registry.Dockerfile")}`;
export const ACME_IMAGE: string = `drayage-world/acme:${hash("acme.Dockerfile")}`;
export const RIG_IMAGE: string = `drayage-world/rig:${hash("rig.Dockerfile")}-${hash("vm.Dockerfile")}`;
const GOOGLE_IMAGE: string = `drayage-world/google:${hash("google.Dockerfile")}-${hash("vm.Dockerfile")}`;
const TOKEN_REGISTRY_IMAGE: string = `drayage-world/token-registry:${hash("token-registry.Dockerfile")}`;
export const appImage = (tag: string): string => `drayage-world/app:${tag}-${hash("app.Dockerfile")}`;

/** Small APIs as people write them: which one is said by the variable API. */
export const APIS_IMAGE: string = `drayage-world/apis:${hash("apis.Dockerfile")}-${hash("app.Dockerfile")}`;

/** Containers as people bring them: which one is said by the variable KIND. `bare` is without EXPOSE. */
export const broughtImage = (kind: "bare" | "brought"): string =>
  `drayage-world/${kind}:${hash("brought.Dockerfile")}-${hash("app.Dockerfile")}`;

/** A real llama-server with a tiny model. */
export const LLM_IMAGE: string = `drayage-world/llm:${hash("llm.Dockerfile")}-${hash("app.Dockerfile")}`;

/** A gRPC server, which knows no HTTP/1.1. */
export const GRPC_IMAGE: string = `drayage-world/grpc:${hash("grpc.Dockerfile")}-${hash("app.Dockerfile")}`;

/** The API that is besieged. */
export const KEYED_IMAGE: string = `drayage-world/keyed:${hash("keyed.Dockerfile")}-${hash("app.Dockerfile")}`;

/** Runs a program; what it said is in the error when it fails. What Docker makes by it carries the label of this run. */
export async function must(argv: readonly string[], stdin?: string): Promise<string> {
  const options = stdin === undefined ? {} : { stdin };
  const ended = await within(600_000, undefined, (signal) => run(owned(argv), { ...options, signal }));
  if (ended.code !== 0)
    throw new Error(
      `${argv.join(" ")} ended with ${ended.code}\n${ended.stdout.slice(-2000)}${ended.stderr.slice(-2000)}`,
    );
  return ended.stdout.trim();
}

/** A container's address in its network. */
export async function addressOf(container: string): Promise<string> {
  return await must(["docker", "inspect", container, "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"]);
}

async function has(image: string): Promise<boolean> {
  return (await must(["docker", "images", "-q", image])) !== "";
}

/** debian:SUITE-slim: there, or pulled, or made by debootstrap where no Docker Hub can be reached. */
async function base(suite: Suite): Promise<void> {
  const image = `debian:${suite}-slim`;
  if (await has(image)) return;
  const pulled = await within(120_000, undefined, (signal) => run(["docker", "pull", "-q", image], { signal })).catch(
    () => undefined,
  );
  if (pulled?.code === 0) return;
  process.stderr.write(`making ${image} with debootstrap\n`);
  const folder = await worldFolder(`world-${suite}-`);
  try {
    // bookworm's debootstrap does not know forky by name; every later suite is made as sid is.
    const script = suite === "forky" ? ["http://deb.debian.org/debian", "/usr/share/debootstrap/scripts/sid"] : [];
    await must([
      "env",
      `PATH=${process.env["PATH"]}:/usr/sbin:/sbin`,
      "debootstrap",
      "--variant=minbase",
      suite,
      folder,
      ...script,
    ]);
    // As Docker Hub's slim images: nothing to be read by people, now or later; it is half of what each machine would unpack.
    const unread = ["doc", "groff", "info", "lintian", "locale", "man"].map((each) => `/usr/share/${each}/*`);
    await writeFile(
      path.join(folder, "etc/dpkg/dpkg.cfg.d/slim"),
      unread.map((each) => `path-exclude ${each}\n`).join(""),
    );
    const gone = [...unread, "/var/cache/apt/archives/*.deb", "/var/lib/apt/lists/*"];
    await must([
      "sh",
      "-c",
      `cd ${folder} && rm -rf ${gone.map((each) => `.${each}`).join(" ")} && tar -c . | docker import - ${image}`,
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function build(
  image: string,
  dockerfile: string,
  args: Record<string, string> = {},
  target?: string,
): Promise<void> {
  if (await has(image)) return;
  process.stderr.write(`building ${image}\n`);
  await must([
    "docker",
    "build",
    "-q",
    "-t",
    image,
    "-f",
    path.join(FOLDER, dockerfile),
    ...(target === undefined ? [] : ["--target", target]),
    ...Object.entries(args).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]),
    FOLDER,
  ]);
}

/** The ways in which the scenarios' API can be broken; "" works. */
const MODES = ["localhost", "crash", "wrong-golden", "never-ready"] as const;

/** The Debian images that everything is made of. */
export async function prepareBase(): Promise<void> {
  await Promise.all(SUITES.map(base));
}

/** The registry with a login that the bench's by-hand side pushes to. */
export async function prepareRegistry(): Promise<void> {
  await build(REGISTRY_IMAGE, "registry.Dockerfile");
}

/** A registry that takes tokens. */
export async function prepareTokenRegistry(): Promise<string> {
  await build(TOKEN_REGISTRY_IMAGE, "token-registry.Dockerfile");
  return TOKEN_REGISTRY_IMAGE;
}

/** The API that is besieged. */
export async function prepareKeyed(): Promise<void> {
  await build(KEYED_IMAGE, "keyed.Dockerfile", { BASE: appImage("1") });
}

/** What the containers are that people bring. */
export async function prepareBrought(): Promise<void> {
  for (const kind of ["bare", "brought"] as const)
    await build(broughtImage(kind), "brought.Dockerfile", { BASE: appImage("unexposed") }, kind);
}

/** An image with one static program in it, /opt/dray/busybox, and neither a shell nor a library. Resolves to its name. */
export async function makeStaticImage(): Promise<string> {
  const name = "drayage-world/static:1";
  if (await has(name)) return name;
  process.env["DRAY_CACHE"] ??= CACHE;
  const store = new ContentStore();
  await store.open();
  const context: Context = { signal: new AbortController().signal, emit: () => undefined, secrets: new Map() };
  const { layer } = await shellLayer(ARCHITECTURE, store, context);
  const file = path.join(cacheFolder(), "blobs", "sha256", layer.digest.slice("sha256:".length));
  await must(["docker", "import", "-c", 'ENTRYPOINT ["/opt/dray/busybox"]', "-c", "EXPOSE 8080", file, name]);
  return name;
}

/** A machine of Compute Engine, with Google's guest agent. */
export async function prepareGoogle(): Promise<string> {
  await build(GOOGLE_IMAGE, "google.Dockerfile", { BASE: vmImage("bookworm") });
  return GOOGLE_IMAGE;
}

async function buildVm(suite: Suite): Promise<void> {
  const PACKAGES = suite === "bookworm" ? "docker.io" : "docker.io docker-cli";
  await build(vmImage(suite), "vm.Dockerfile", { SUITE: suite, PACKAGES });
}

/** Makes the edge that ships, and what else dray puts together, so that no test waits for it. */
async function prepareEdge(): Promise<void> {
  process.env["DRAY_CACHE"] ??= CACHE;
  const signal = new AbortController().signal;
  const context: Context = { signal, emit: () => undefined, secrets: new Map() };
  const cargo = await makeEdge(ARCHITECTURE, context);
  await makeKeeper(ARCHITECTURE, context);
  if (await has(EDGE_IMAGE)) return;
  process.stderr.write(`building ${EDGE_IMAGE}\n`);
  await using machine = await local(signal);
  const edge = { digest: cargo.digest, name: "edge", tag: EDGE_IMAGE.slice(EDGE_IMAGE.indexOf(":") + 1) };
  await carry(machine, edge, () => undefined, signal);
}

/** Makes what one stand-in needs, once. */
export async function prepareVm(): Promise<void> {
  await Promise.all([base("bookworm").then(async () => await buildVm("bookworm")), prepareEdge()]);
}

/** Makes every image the scenarios need, once: no test waits for one, nor makes one that another is just making. */
export async function prepareImages(): Promise<void> {
  await Promise.all([prepareVm(), base("trixie"), base("forky")]);
  const others = [build(ACME_IMAGE, "acme.Dockerfile"), prepareRegistry(), prepareTokenRegistry(), prepareApps()];
  await Promise.all([...SUITES.map(buildVm), ...others]);
  // These begin with a machine's image.
  await Promise.all([build(RIG_IMAGE, "rig.Dockerfile", { BASE: vmImage("bookworm") }), prepareGoogle()]);
}

/** One after the other: all but the last layer is the same. */
async function prepareApps(): Promise<void> {
  for (const version of ["1", "2"]) await build(appImage(version), "app.Dockerfile", { VERSION: version });
  for (const mode of MODES) await build(appImage(mode), "app.Dockerfile", { VERSION: "3", MODE: mode });
  for (const mode of ["", "silent"]) {
    const args = { VERSION: "4", MODE: mode };
    await build(appImage(mode === "" ? "unexposed" : mode), "app.Dockerfile", args, "unexposed");
  }
  await build(APIS_IMAGE, "apis.Dockerfile", { BASE: appImage("unexposed") });
  await prepareBrought();
  await build(LLM_IMAGE, "llm.Dockerfile", { BASE: appImage("unexposed") });
  await build(GRPC_IMAGE, "grpc.Dockerfile", { BASE: appImage("unexposed") });
  await prepareKeyed();
}
