import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import type { Context } from "../core/context.ts";
import type { Recipe } from "../core/recipe.ts";
import { local } from "../machine/local.ts";
import { inspectImage } from "./image.ts";

interface BuildOptions {
  folder: string;
  context: string;
  dockerfile?: string | undefined;
  args?: Record<string, string> | undefined;
  target?: string | undefined;
  tag: string;
  architecture: string;
}

/** An image built from a Dockerfile; the manifest's folder where it names none. */
export const dockerfile: Recipe = {
  kind: "dockerfile",
  title: "build the image",
  perArchitecture: true,
  wants: (order) => order.image === undefined,
  make: async (order, architecture, context) => {
    const build = typeof order.build === "object" ? order.build : { context: order.build ?? "." };
    const tag = `dray-build/${order.service}:latest`;
    const reference = await buildDockerfile({ folder: order.folder, architecture, tag, ...build }, context);
    await using here = await local(context.signal);
    return { reference, facts: await inspectImage(here.engine, reference, context) };
  },
};

/**
 * Builds an image with the operator's own docker program, for the machine's architecture; .dockerignore, BuildKit and
 * credential helpers are docker's business. Output is told line by line. Returns the image's id.
 * @throws Failure image.no-dockerfile, image.build-failed
 */
async function buildDockerfile(options: BuildOptions, context: Context): Promise<string> {
  const folder = path.resolve(options.folder, options.context);
  const file = path.resolve(folder, options.dockerfile ?? "Dockerfile");
  if (!existsSync(file)) {
    throw new Failure("image.no-dockerfile", `there is no ${path.relative(process.cwd(), file)}`, {
      hint: "build: names the folder that has the Dockerfile; an image that exists already goes into image:",
    });
  }
  const scratch = await mkdtemp(path.join(tmpdir(), "dray-build-"));
  try {
    const idFile = path.join(scratch, "id");
    const last: string[] = [];
    const ended = await run(argvOf(options, folder, file, idFile), {
      signal: context.signal,
      env: { ...process.env, BUILDKIT_PROGRESS: "plain" },
      onLine: (line) => {
        last.push(line);
        if (last.length > 12) last.shift();
        context.emit({ type: "line", on: "build", text: line });
      },
    });
    if (ended.code !== 0) {
      await explainLegacyBuilder(file, ended.stderr);
      throw new Failure("image.build-failed", `docker build failed in ${path.relative(process.cwd(), folder) || "."}`, {
        hint: `see the lines above; the same by hand: docker build ${path.relative(process.cwd(), folder) || "."}`,
        details: last,
      });
    }
    return (await readFile(idFile, "utf8")).trim();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What only BuildKit reads: mounts and links of an instruction, heredocs, another frontend. */
const BUILDKIT =
  /^\s*(RUN\s+--(mount|network|security)=|(COPY|ADD)\s+.*--(link|parents|exclude)\b|(RUN|COPY)\b.*<<-?["']?\w|#\s*syntax=)/im;

/**
 * Without its buildx plugin docker takes the builder of before BuildKit, which calls the newer instructions unknown.
 * @throws Failure image.needs-buildkit
 */
async function explainLegacyBuilder(file: string, said: string): Promise<void> {
  if (!/legacy builder/i.test(said) || !BUILDKIT.test(await readFile(file, "utf8"))) return;
  throw new Failure("image.needs-buildkit", `${path.basename(file)} needs BuildKit, and docker here has no buildx`, {
    hint: "install docker's buildx plugin (apt-get install docker-buildx, or docker-buildx-plugin from Docker's own repository)",
    details: said.trim().split("\n").slice(-3),
  });
}

function argvOf(options: BuildOptions, folder: string, file: string, idFile: string): string[] {
  const args = Object.entries(options.args ?? {}).flatMap(([key, value]) => ["--build-arg", `${key}=${value}`]);
  return [
    "docker",
    "build",
    "--platform",
    `linux/${options.architecture}`,
    "--iidfile",
    idFile,
    "-t",
    options.tag,
    "-f",
    file,
    ...args,
    ...(options.target === undefined ? [] : ["--target", options.target]),
    folder,
  ];
}
