import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import type { Context } from "../core/context.ts";

export interface BuildOptions {
  folder: string;
  context: string;
  dockerfile?: string;
  args?: Record<string, string>;
  tag: string;
  /** Docker's name of the machine's architecture: amd64, arm64. */
  architecture: string;
}

/**
 * Builds an image with the operator's own docker program, for the machine's architecture; .dockerignore, BuildKit and
 * credential helpers are docker's business. Output is told line by line. Returns the image's id.
 * @throws Failure image.no-dockerfile, image.build-failed
 */
export async function buildDockerfile(options: BuildOptions, context: Context): Promise<string> {
  const folder = path.resolve(options.folder, options.context);
  const dockerfile = path.resolve(folder, options.dockerfile ?? "Dockerfile");
  if (!existsSync(dockerfile)) {
    throw new Failure("image.no-dockerfile", `there is no ${path.relative(process.cwd(), dockerfile)}`, {
      hint: "build: names the folder that has the Dockerfile; an image that exists already goes into image:",
    });
  }
  const scratch = await mkdtemp(path.join(tmpdir(), "dray-build-"));
  try {
    const idFile = path.join(scratch, "id");
    const last: string[] = [];
    const ended = await run(argvOf(options, folder, dockerfile, idFile), {
      signal: context.signal,
      env: { ...process.env, BUILDKIT_PROGRESS: "plain" },
      onLine: (line) => {
        last.push(line);
        if (last.length > 12) last.shift();
        context.emit({ type: "line", on: "build", text: line });
      },
    });
    if (ended.code !== 0) {
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

function argvOf(options: BuildOptions, folder: string, dockerfile: string, idFile: string): string[] {
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
    dockerfile,
    ...args,
    folder,
  ];
}
