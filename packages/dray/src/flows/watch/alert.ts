import { type AlertSettings, post } from "drayage-keeper";
import { asFailure, Failure } from "../../base/failure.ts";
import { Secret } from "../../base/secret.ts";
import type { Golden } from "../../core/golden.ts";
import type { Context } from "../../core/context.ts";
import { payloadOf } from "../../core/payload.ts";
import { loadGolden } from "../../manifest/golden.ts";
import { readyPath } from "../../manifest/ready.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { valueOf } from "../../manifest/secrets.ts";

/** What a webhook is sent: `text` is what Slack, Mattermost and Teams show. */
export interface Alert {
  text: string;
  event: "rolled-back";
  service: string;
  code: string;
  message: string;
  details: readonly string[];
  at: string;
}

/** Tells the manifest's webhook of a release that was taken back; of anything else the person at the keyboard knows. */
export async function alertOf(manifest: Manifest, error: unknown, context: Context): Promise<void> {
  const failure = asFailure(error);
  // A fleet's failure says what happened on its first machine.
  const inner = failure.cause instanceof Failure ? failure.cause : failure;
  const hook = manifest.alerts?.webhook;
  if (hook === undefined || inner.code !== "release.rolled-back") return;
  await send(hook, {
    text: `${manifest.service}: ${failure.message}`,
    event: "rolled-back",
    service: manifest.service,
    code: inner.code,
    message: inner.message,
    details: failure.details,
    at: new Date().toISOString(),
  }).catch((problem: unknown) => {
    context.emit({ type: "warning", text: `the alert could not be sent: ${asFailure(problem).message}` });
  });
}

/** The alerts as the keeper is to know them; the addresses in it are secrets. @throws Failure manifest.secret-missing */
export async function alertSettings(manifest: Manifest, context: Context): Promise<Secret | undefined> {
  const { alerts } = manifest;
  const ready = readyPath(manifest) ?? "/";
  if (alerts === undefined) return undefined;
  const { webhook, email, errors, p95, disk, certificateDays } = alerts;
  const smtp = email === undefined ? {} : { smtp: await mailOf(email, manifest.folder, context.signal) };
  const url =
    typeof webhook === "object" ? await valueOf("alerts.webhook", webhook, manifest.folder, context.signal) : webhook;
  const settings: AlertSettings = {
    ...(url === undefined ? {} : { webhook: url }),
    ...smtp,
    errors,
    ...(p95 === undefined ? {} : { p95Ms: p95 }),
    disk,
    certificateDays,
    ready,
    golden: (await loadGolden(manifest))
      .filter((golden) => fits(golden, context))
      .map((golden) => goldenOf(golden, manifest.host ?? manifest.domain)),
  };
  return new Secret(JSON.stringify(settings));
}

/** What the keeper asks every minute lies in the machine's memory. */
const MOST_BYTES = 256_000;

function fits({ request }: Golden, context: Context): boolean {
  const bytes = payloadOf(request)?.bytes.byteLength ?? 0;
  if (bytes <= MOST_BYTES) return true;
  const text = `${request.method} ${request.path} carries ${bytes} bytes: it proves releases, and the keeper, which takes ${MOST_BYTES}, does not ask it every minute`;
  context.emit({ type: "warning", text });
  return false;
}

/** JSON goes as it always did: an older keeper knows nothing else. */
function sentOf(request: Golden["request"]): Pick<AlertSettings["golden"][number], "body" | "payload"> {
  const payload = payloadOf(request);
  if (payload === undefined) return {};
  if (request.body !== undefined) return { body: JSON.stringify(request.body) };
  return { payload: { type: payload.type, base64: Buffer.from(payload.bytes).toString("base64") } };
}

function goldenOf({ request, expect }: Golden, host: string | undefined): AlertSettings["golden"][number] {
  const { method, path, headers } = request;
  const { text, type, sha256 } = expect;
  return {
    method,
    path,
    headers: { ...(host === undefined ? {} : { host }), ...headers },
    ...sentOf(request),
    status: expect.status,
    ...(expect.body === undefined ? {} : { answer: JSON.stringify(expect.body) }),
    ...(text === undefined ? {} : { text }),
    ...(type === undefined ? {} : { type }),
    ...(sha256 === undefined ? {} : { sha256 }),
    tolerance: expect.tolerance,
  };
}

async function mailOf(
  email: NonNullable<NonNullable<Manifest["alerts"]>["email"]>,
  folder: string,
  signal: AbortSignal,
): Promise<NonNullable<AlertSettings["smtp"]>> {
  const { password, user, ...rest } = email;
  const value = password === undefined ? undefined : await valueOf("alerts.email.password", password, folder, signal);
  return {
    ...rest,
    ...(user === undefined ? {} : { user }),
    ...(value === undefined ? {} : { password: value }),
  };
}

async function send(hook: string | { env: string }, alert: Alert): Promise<void> {
  const url = typeof hook === "string" ? hook : process.env[hook.env];
  if (url === undefined) throw new Error(`${(hook as { env: string }).env} is not set here`);
  await post(url, alert);
}
