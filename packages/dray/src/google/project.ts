import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import { hasDefault } from "./token.ts";

const GCLOUD_MS = 20_000;

/**
 * The project: the one named, else of the environment (GOOGLE_CLOUD_PROJECT, CLOUDSDK_CORE_PROJECT), the Application
 * Default Credentials, or gcloud's configuration. @throws Failure google.no-project
 */
export async function googleProject(named: string | undefined, signal: AbortSignal): Promise<string> {
  const given = named ?? process.env["GOOGLE_CLOUD_PROJECT"] ?? process.env["CLOUDSDK_CORE_PROJECT"] ?? "";
  const found = given !== "" ? given : ((await fromDefault()) ?? (await fromGcloud(signal)));
  if (found !== undefined) return found;
  throw new Failure("google.no-project", "no Google Cloud project is named", {
    hint: "--project NAME, GOOGLE_CLOUD_PROJECT, or gcloud config set project NAME; gcloud projects list shows yours",
  });
}

async function fromDefault(): Promise<string | undefined> {
  if (!hasDefault()) return undefined;
  const { GoogleAuth } = await import("./auth.ts");
  return (await new GoogleAuth().getProjectId().catch(() => "")) || undefined;
}

async function fromGcloud(signal: AbortSignal): Promise<string | undefined> {
  const ended = await within(GCLOUD_MS, signal, (limit) =>
    run(["gcloud", "config", "get-value", "project", "--quiet"], { signal: limit }),
  ).catch(() => undefined);
  signal.throwIfAborted();
  const said = ended?.code === 0 ? ended.stdout.trim() : "";
  return said === "" || said === "(unset)" ? undefined : said;
}
