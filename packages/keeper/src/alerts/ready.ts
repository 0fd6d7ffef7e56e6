import http from "node:http";

const PATIENCE_MS = 5000;

/** How a readiness probe ended. `failed`: a status from 500 on; `silent`: a connection, and no answer. */
export type Asked = "answered" | "failed" | "silent" | "refused";

/** Asks a replica whether it is ready. */
export async function askReady(replica: { address: string; port: number; ready: string }): Promise<Asked> {
  const { address: host, port, ready: path } = replica;
  return await new Promise((resolve) => {
    let connected = false;
    const request = http.get({ host, port, path, agent: false }, (answer) => {
      resolve((answer.statusCode ?? 500) < 500 ? "answered" : "failed");
      // The head says it all; a body may be without end.
      request.destroy();
    });
    const timer = setTimeout(() => request.destroy(), PATIENCE_MS);
    request.once("socket", (socket) => socket.once("connect", () => (connected = true)));
    const ended = (): void => {
      clearTimeout(timer);
      resolve(connected ? "silent" : "refused");
    };
    request.on("error", ended);
    request.once("close", ended);
  });
}
