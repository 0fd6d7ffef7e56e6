import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { googleToken } from "../google/token.ts";
import { run } from "../base/process.ts";
import { Secret } from "../base/secret.ts";
import { isGoogle } from "./reference.ts";

/** What a registry is shown. */
export interface Login {
  user: string;
  password: Secret;
  /** Where it was found, for people. */
  from: string;
}

/** Finds the login for a registry anew each time it is asked: a token does not live long. Undefined: nobody is logged in. */
export type FindLogin = (registry: string, signal: AbortSignal) => Promise<Login | undefined>;

/** What Google's registries call a caller who shows an access token (Artifact Registry, "Access token"). */
export const TOKEN_USER = "oauth2accesstoken";
const HELPER_MS = 20_000;
const HUB = "https://index.docker.io/v1/";

interface DockerConfig {
  auths?: Record<string, { auth?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/**
 * The login that this computer has for a registry: of Google's registries a token (GOOGLE_OAUTH_ACCESS_TOKEN, Application
 * Default Credentials, gcloud); else what `docker login` left, in its file or with a credential helper; of Amazon's ECR
 * what `aws` gives.
 */
export const findLogin: FindLogin = async (registry, signal) => {
  const token = isGoogle(registry) ? await googleToken(signal) : undefined;
  if (token !== undefined) return { user: TOKEN_USER, ...token };
  return (await dockerLogin(registry, signal)) ?? (await amazonLogin(registry, signal));
};

async function dockerLogin(registry: string, signal: AbortSignal): Promise<Login | undefined> {
  const folder = process.env["DOCKER_CONFIG"] ?? path.join(homedir(), ".docker");
  const file = path.join(folder, "config.json");
  const text = await readFile(file, "utf8").catch(() => "{}");
  const config = JSON.parse(text) as DockerConfig;
  const key = registry === "docker.io" ? HUB : registry;
  const own = config.credHelpers?.[registry];
  const helper = own ?? config.credsStore;
  if (helper !== undefined) {
    // One that is for every registry may be of another computer, and the image open to all; one for this registry is meant.
    const found = await askHelper(helper, key, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if (own !== undefined) throw error;
      return undefined;
    });
    if (found !== undefined) return found;
  }
  const auth = config.auths?.[key]?.auth ?? config.auths?.[`https://${registry}`]?.auth;
  if (auth === undefined || auth === "") return undefined;
  const [user = "", ...rest] = Buffer.from(auth, "base64").toString("utf8").split(":");
  return { user, password: new Secret(rest.join(":")), from: file };
}

/** The protocol of docker-credential-helpers: the registry on standard input, JSON on standard output. */
async function askHelper(helper: string, key: string, signal: AbortSignal): Promise<Login | undefined> {
  const program = `docker-credential-${helper}`;
  const ended = await within(HELPER_MS, signal, (limit) => run([program, "get"], { signal: limit, stdin: key })).catch(
    () => undefined,
  );
  signal.throwIfAborted();
  // It says that on standard output, and ends with 1: somebody else may know (docker-credential-helpers, "get").
  if (ended !== undefined && ended.code !== 0 && /not found/i.test(ended.stdout)) return undefined;
  if (ended?.code !== 0) {
    const said = (ended?.stderr ?? "").trim() || (ended?.stdout ?? "").trim().split("\n")[0];
    throw new Failure(
      "registry.unauthorized",
      `${program}, which docker's configuration names for ${key}, gives no login`,
      {
        hint:
          ended === undefined ? `is it installed, and on the PATH?` : `run it by hand: echo ${key} | ${program} get`,
        details: said === undefined || said === "" ? [] : [said.slice(0, 200)],
      },
    );
  }
  const { Username: user = "", Secret: secret = "" } = JSON.parse(ended.stdout) as {
    Username?: string;
    Secret?: string;
  };
  return { user, password: new Secret(secret), from: program };
}

/** `ACCOUNT.dkr.ecr.REGION.amazonaws.com`: its password is one of twelve hours, that `aws` asks for. */
async function amazonLogin(registry: string, signal: AbortSignal): Promise<Login | undefined> {
  const [, region] = /^\d+\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com$/.exec(registry) ?? [];
  if (region === undefined) return undefined;
  const ended = await within(HELPER_MS, signal, (limit) =>
    run(["aws", "ecr", "get-login-password", "--region", region], { signal: limit }),
  ).catch(() => undefined);
  signal.throwIfAborted();
  if (ended?.code !== 0) return undefined;
  return { user: "AWS", password: new Secret(ended.stdout.trim()), from: "aws ecr get-login-password" };
}

/** A login as the Engine API takes it with each pull (its `X-Registry-Auth`, base64url of JSON); nothing of it is kept there. */
export function engineAuth(registry: string, login: Login | undefined): Record<string, string> {
  if (login === undefined) return {};
  const serveraddress = registry === "docker.io" ? HUB : registry;
  return authHeader({ username: login.user, password: login.password.reveal(), serveraddress });
}

/** The header itself. */
export function authHeader(auth: {
  username: string;
  password: string;
  serveraddress?: string;
}): Record<string, string> {
  // With its padding: an engine that cannot decode it goes on without a login, and says nothing of that.
  const text = Buffer.from(JSON.stringify(auth)).toString("base64");
  return { "x-registry-auth": text.replaceAll("+", "-").replaceAll("/", "_") };
}
