import { readFile } from "node:fs/promises";
import path from "node:path";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import { rememberSecret, Secret } from "../base/secret.ts";
import type { Context } from "../core/context.ts";
import type { SecretSource } from "./parts.ts";
import type { Manifest } from "./schema.ts";

const PATIENCE_MS = 60_000;

/** The context with the values of the manifest's secrets. @throws Failure manifest.secret-missing */
export async function withSecrets<C extends Context>(manifest: Manifest, context: C): Promise<C> {
  const values = await Promise.all(
    Object.entries(manifest.secrets).map(async ([name, source]): Promise<[string, Secret][]> => {
      // Of what lives on the machine nothing is known here.
      if ("machine" in source) return [];
      const { folder } = manifest;
      // A container gets a file as it is, as with Docker's and Kubernetes' own secrets: a PEM key ends with a line break.
      const value =
        "file" in source
          ? await contentOf(name, source.file, folder)
          : await valueOf(name, source, folder, context.signal);
      return [[name, new Secret(value)]];
    }),
  );
  return { ...context, secrets: new Map([...context.secrets, ...values.flat()]) };
}

/** The value of one secret that is a single line: a key, a password. @throws Failure manifest.secret-missing */
export async function valueOf(
  name: string,
  source: SecretSource,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const value = await read(name, source, folder, signal);
  // Callers hand it on as a text, in a header say: whatever is kept of this run must not show it.
  rememberSecret(value);
  return value;
}

async function read(name: string, source: SecretSource, folder: string, signal: AbortSignal): Promise<string> {
  if ("env" in source) {
    const value = process.env[source.env];
    if (value !== undefined) return value;
    throw missing(name, `the environment variable ${source.env} is not set here`, `export ${source.env}=...`);
  }
  if ("file" in source) return lineOf(await contentOf(name, source.file, folder));
  return await ask(name, source.command, folder, signal);
}

async function contentOf(name: string, file: string, folder: string): Promise<string> {
  return await readFile(path.resolve(folder, file), "utf8").catch((error: unknown) => {
    throw missing(name, `${file} cannot be read`, "the path counts from the manifest's folder", error);
  });
}

/** What a password manager's program prints. Of a failure its last words are shown, never what it printed as the value. */
async function ask(name: string, command: readonly string[], folder: string, signal: AbortSignal): Promise<string> {
  const ended = await within(PATIENCE_MS, signal, (limit) => run(command, { signal: limit, cwd: folder })).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw missing(name, `${command[0]} could not be run`, "is it installed, and on the PATH?", error);
    },
  );
  if (ended.code === 0 && ended.stdout.trim() !== "") return lineOf(ended.stdout);
  const said = ended.stderr.trim().split("\n").at(-1) ?? "";
  const how = ended.code === 0 ? "printed nothing" : `ended with ${ended.code}${said === "" ? "" : `: ${said}`}`;
  throw missing(name, `${command[0]} ${how}`, "run it by hand; are you signed in?");
}

/** Editors and programs end a value with a line break that is not part of it. */
const lineOf = (text: string): string => text.replace(/\r?\n$/, "");

function missing(name: string, why: string, hint: string, cause?: unknown): Failure {
  return new Failure("manifest.secret-missing", `the secret ${name} has no value: ${why}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
