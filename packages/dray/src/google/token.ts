import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import { Secret } from "../base/secret.ts";

/** An access token, and where it was found, for people. */
export interface GoogleToken {
  password: Secret;
  from: string;
}

const SCOPE = "https://www.googleapis.com/auth/cloud-platform";
const GCLOUD_MS = 20_000;

/** An access token of Google's: from the environment, Application Default Credentials, or gcloud; whichever is there first. */
export async function googleToken(signal: AbortSignal): Promise<GoogleToken | undefined> {
  return (await fromEnvironment()) ?? (await fromDefault()) ?? (await fromGcloud(signal));
}

async function fromEnvironment(): Promise<GoogleToken | undefined> {
  const token = process.env["GOOGLE_OAUTH_ACCESS_TOKEN"];
  if (token !== undefined && token !== "") return { password: new Secret(token), from: "GOOGLE_OAUTH_ACCESS_TOKEN" };
  const file = process.env["GOOGLE_OAUTH_ACCESS_TOKEN_FILE"];
  if (file === undefined || file === "") return undefined;
  return { password: new Secret((await readFile(file, "utf8")).trim()), from: file };
}

/** Where gcloud keeps them: `gcloud auth application-default login`. */
const defaultFile = (): string =>
  path.join(
    process.env["CLOUDSDK_CONFIG"] ?? path.join(homedir(), ".config", "gcloud"),
    "application_default_credentials.json",
  );

/** Is there any sign of Application Default Credentials? */
export function hasDefault(): boolean {
  const told = ["GOOGLE_APPLICATION_CREDENTIALS", "GCE_METADATA_HOST"].some((name) => (process.env[name] ?? "") !== "");
  return told || existsSync(defaultFile());
}

/** Is there any sign of a login for Google on this computer? Nobody is asked. */
export function hasLogin(): boolean {
  const given = ["GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_OAUTH_ACCESS_TOKEN_FILE"];
  if (given.some((name) => (process.env[name] ?? "") !== "") || hasDefault()) return true;
  return existsSync(path.join(path.dirname(defaultFile()), "credentials.db"));
}

/** Application Default Credentials. Without any sign of them nobody is asked: looking for a metadata server takes seconds. */
async function fromDefault(): Promise<GoogleToken | undefined> {
  if (!hasDefault()) return undefined;
  const { GoogleAuth } = await import("./auth.ts");
  try {
    const token = await new GoogleAuth({ scopes: [SCOPE] }).getAccessToken();
    return { password: new Secret(token ?? ""), from: "Application Default Credentials" };
  } catch (error) {
    throw new Failure("google.unauthorized", "Google gives no token for the Application Default Credentials", {
      hint: "gcloud auth application-default login",
      details: [error instanceof Error ? error.message : String(error)],
      cause: error,
    });
  }
}

/** A token of gcloud's lives an hour, and asking for it takes two seconds. */
const KEEP_MS = 50 * 60_000;
let known: { found: GoogleToken; at: number } | undefined;

/** A token that was not taken is not shown again. */
export function forgetToken(): void {
  known = undefined;
}

async function fromGcloud(signal: AbortSignal): Promise<GoogleToken | undefined> {
  if (known !== undefined && performance.now() - known.at < KEEP_MS) return known.found;
  const ended = await within(GCLOUD_MS, signal, (limit) =>
    run(["gcloud", "auth", "print-access-token", "--quiet"], { signal: limit }),
  ).catch(() => undefined);
  signal.throwIfAborted();
  if (ended?.code !== 0) return undefined;
  known = {
    found: { password: new Secret(ended.stdout.trim()), from: "gcloud auth print-access-token" },
    at: performance.now(),
  };
  return known.found;
}
