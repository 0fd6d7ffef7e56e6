import { deadline } from "drayage-clock";

const PATIENCE_MS = 10_000;

/** POSTs an alert as JSON. @throws Error that does not name the address: it is a secret */
export async function post(url: string, alert: object): Promise<void> {
  using limit = deadline(PATIENCE_MS);
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(alert),
    // An address that was changed is told of, and the alert is not carried to somebody else's.
    redirect: "manual",
    signal: limit.signal,
  }).catch((error: unknown) => {
    // Its address is a secret: fetch's own words may repeat it.
    throw new Error("no answer from the webhook", { cause: error });
  });
  if (!answer.ok) throw new Error(`the webhook answered ${answer.status}`);
}
