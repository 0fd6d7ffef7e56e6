import http from "node:http";
import { HEAD_BYTES } from "../ask.ts";
import { hostHeader } from "../host.ts";

const PATIENCE_MS = 5000;

/** How a readiness probe ended. `failed`: a status from 500 on; `silent`: a connection, and no answer. */
export type Asked = "answered" | "failed" | "silent" | "refused";

/** A replica, the path on which it says that it is ready, and the name by which it is asked. */
export interface Probed {
  address: string;
  port: number;
  ready: string;
  host: string | undefined;
}

/** Asks a replica whether it is ready. */
export async function askReady({ address, port, ready: path, host: name }: Probed): Promise<Asked> {
  return await new Promise((resolve) => {
    let connected = false;
    const options = { host: address, port, path, agent: false, headers: hostHeader(name), maxHeaderSize: HEAD_BYTES };
    const request = http.get(options, (answer) => {
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
