import { createTransport } from "nodemailer";
import type { AlertSettings } from "./settings.ts";
import { post } from "./webhook.ts";

const PATIENCE_MS = 10_000;

/** What is sent: `text` is what Slack, Mattermost and Teams show. */
export interface Alert {
  text: string;
  event: string;
  state: "firing" | "resolved" | "test";
  service: string;
  message: string;
  at: string;
}

/** Tells everybody that the settings name; resolves to what went wrong with each, empty when all were told. */
export async function send(alert: Alert, { webhook, smtp }: AlertSettings): Promise<string[]> {
  const ways: [string, Promise<void>][] = [
    ...(webhook === undefined ? [] : [["webhook", post(webhook, alert)] as [string, Promise<void>]]),
    ...(smtp === undefined ? [] : [["mail", mail(smtp, alert)] as [string, Promise<void>]]),
  ];
  const ended = await Promise.allSettled(ways.map(([, sent]) => sent));
  return ended.flatMap((each, index) =>
    each.status === "fulfilled" ? [] : [`${ways[index]?.[0]}: ${(each.reason as Error).message}`],
  );
}

async function mail(smtp: NonNullable<AlertSettings["smtp"]>, alert: Alert): Promise<void> {
  const { host, port, user, password, from, to } = smtp;
  const transport = createTransport({
    host,
    port,
    secure: port === 465,
    connectionTimeout: PATIENCE_MS,
    ...(user === undefined ? {} : { auth: { user, pass: password ?? "" } }),
  });
  await transport.sendMail({
    from,
    to,
    subject: `[dray] ${alert.text.slice(0, 120)}`,
    text: JSON.stringify(alert, undefined, 2),
  });
}
