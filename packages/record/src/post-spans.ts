import http from "node:http";
import https from "node:https";
import { deadline } from "drayage-clock";

const PATIENCE_MS = 5000;

/** POSTs to a collector, which has five seconds for it. @throws what it said instead of taking it */
export async function postSpans(endpoint: string, body: string): Promise<void> {
  const url = new URL(`${endpoint.replace(/\/+$/, "")}/v1/traces`);
  using limit = deadline(PATIENCE_MS);
  const client = url.protocol === "https:" ? https : http;
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  await new Promise<void>((resolve, reject) => {
    const request = client.request(url, { method: "POST", headers, agent: false, signal: limit.signal });
    request.once("error", reject);
    request.once("response", (answer) => {
      answer.resume();
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300) resolve();
      else reject(new Error(`it says ${status}`));
    });
    request.end(body);
  });
}
