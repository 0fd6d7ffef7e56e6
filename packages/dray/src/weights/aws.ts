import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { within } from "drayage-clock";
import { run } from "../base/process.ts";
import { Secret } from "../base/secret.ts";

/** A login of Amazon's, or of a store that speaks the same. */
export interface AwsKey {
  id: string;
  secret: Secret;
  session?: Secret;
}

const PROGRAM_MS = 20_000;

/** From the environment, the shared credentials file, or `aws`, which knows of roles and single sign-on. */
export async function awsKey(signal: AbortSignal): Promise<AwsKey | undefined> {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  return (
    keyOf(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN) ??
    (await fromFile()) ??
    (await fromProgram(signal))
  );
}

/** The region that this computer's configuration names. */
export async function awsRegion(): Promise<string> {
  const said = process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"];
  const profile = profileName() === "default" ? "default" : `profile ${profileName()}`;
  return said ?? (await section("AWS_CONFIG_FILE", "config", profile)).get("region") ?? "us-east-1";
}

const profileName = (): string => process.env["AWS_PROFILE"] ?? "default";

function keyOf(id: string | undefined, secret: string | undefined, session: string | undefined): AwsKey | undefined {
  if (id === undefined || id === "" || secret === undefined || secret === "") return undefined;
  return {
    id,
    secret: new Secret(secret),
    ...(session === undefined || session === "" ? {} : { session: new Secret(session) }),
  };
}

async function fromFile(): Promise<AwsKey | undefined> {
  const found = await section("AWS_SHARED_CREDENTIALS_FILE", "credentials", profileName());
  return keyOf(found.get("aws_access_key_id"), found.get("aws_secret_access_key"), found.get("aws_session_token"));
}

async function fromProgram(signal: AbortSignal): Promise<AwsKey | undefined> {
  const ended = await within(PROGRAM_MS, signal, (limit) =>
    run(["aws", "configure", "export-credentials", "--format", "process"], { signal: limit }),
  ).catch(() => undefined);
  signal.throwIfAborted();
  if (ended?.code !== 0) return undefined;
  const said = JSON.parse(ended.stdout) as { AccessKeyId?: string; SecretAccessKey?: string; SessionToken?: string };
  return keyOf(said.AccessKeyId, said.SecretAccessKey, said.SessionToken);
}

/** One part of an INI file of Amazon's tools. */
async function section(variable: string, name: string, wanted: string): Promise<Map<string, string>> {
  const file = process.env[variable] ?? path.join(homedir(), ".aws", name);
  const values = new Map<string, string>();
  let here = "";
  for (const line of (await readFile(file, "utf8").catch(() => "")).split("\n")) {
    here = /^\s*\[(.+?)\]/.exec(line)?.[1]?.trim() ?? here;
    const [, key, value] = /^([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (here === wanted && key !== undefined && value !== undefined) values.set(key, value);
  }
  return values;
}

/** As Signature Version 4 wants it: more is encoded than `encodeURIComponent` does. */
export const encodeAws = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`);

const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * A URL that lets whoever has it get one thing for a while: Signature Version 4 in the query, so that the key itself never
 * leaves this computer. The path of `url` is encoded already.
 */
export function presign(
  url: URL,
  key: AwsKey,
  { region, at, seconds }: { region: string; at: Date; seconds: number },
): string {
  const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const query: [string, string][] = [
    ...url.searchParams,
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${key.id}/${scope}`],
    ["X-Amz-Date", time],
    ["X-Amz-Expires", String(seconds)],
    ["X-Amz-SignedHeaders", "host"],
  ];
  if (key.session !== undefined) query.push(["X-Amz-Security-Token", key.session.reveal()]);
  const encoded = query
    .map(([name, value]) => `${encodeAws(name)}=${encodeAws(value)}`)
    .toSorted()
    .join("&");
  const request = ["GET", url.pathname, encoded, `host:${url.host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, hashOf(request)].join("\n");
  const parts = [time.slice(0, 8), region, "s3", "aws4_request"];
  const signer = parts.reduce<string | Buffer>((made, part) => hmac(made, part), `AWS4${key.secret.reveal()}`);
  return `${url.origin}${url.pathname}?${encoded}&X-Amz-Signature=${hmac(signer, toSign).toString("hex")}`;
}
