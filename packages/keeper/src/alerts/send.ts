import { deadline, orAborted } from "drayage-clock";
import { createTransport } from "nodemailer";
import type { AlertSettings } from "./settings.ts";
import { post } from "./webhook.ts";

const PATIENCE_MS = 10_000;
/** For all of it: a server may also go on talking without end. */
const MAIL_MS = 60_000;

/** What is sent: `text` is what Slack, Mattermost and Teams show. */
export interface Alert {
  text: string;
  event: string;
  state: "firing" | "resolved" | "test";
  service: string;
  message: string;
  at: string;
}

/**
 * Words that chats show as they are: a model's answer is quoted in alerts, and must not call a channel together, or lead
 * somewhere. Slack wants &, < and > escaped, and takes commands in <>; others take @all.
 */
export function quiet(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("@", "@\u200B")
    .replaceAll("](", "]\u200B(");
}

/** Tells everybody that the settings name; resolves to what went wrong with each, empty when all were told. */
export async function send(
  alert: Alert,
  { webhook, smtp }: AlertSettings,
  mailMs: number = MAIL_MS,
): Promise<string[]> {
  const ways: [string, Promise<void>][] = [
    ...(webhook === undefined
      ? []
      : [["webhook", post(webhook, { ...alert, text: quiet(alert.text) })] as [string, Promise<void>]]),
    ...(smtp === undefined ? [] : [["mail", mail(smtp, alert, mailMs)] as [string, Promise<void>]]),
  ];
  const ended = await Promise.allSettled(ways.map(([, sent]) => sent));
  return ended.flatMap((each, index) =>
    each.status === "fulfilled" ? [] : [`${ways[index]?.[0]}: ${(each.reason as Error).message}`],
  );
}

async function mail(smtp: NonNullable<AlertSettings["smtp"]>, alert: Alert, withinMs: number): Promise<void> {
  const { host, port, user, password, from, to } = smtp;
  const transport = createTransport({
    host,
    port,
    secure: port === 465,
    // Whoever sits in between could take the offer of TLS away, and read the password.
    requireTLS: user !== undefined,
    connectionTimeout: PATIENCE_MS,
    greetingTimeout: PATIENCE_MS,
    socketTimeout: PATIENCE_MS,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? "" } }),
  });
  using limit = deadline(withinMs);
  const sent = transport.sendMail({
    from,
    to,
    subject: `[dray] ${alert.text.replaceAll(/\p{Cc}+/gu, " ").slice(0, 120)}`,
    text: JSON.stringify(alert, undefined, 2),
  });
  await orAborted(sent, limit.signal);
}
