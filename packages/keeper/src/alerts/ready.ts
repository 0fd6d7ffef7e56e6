import http from "node:http";
import { connect } from "node:net";
import { within } from "drayage-clock";
import { HEAD_BYTES } from "../ask.ts";
import { askHealth } from "../h2/grpc.ts";
import { Http2Line } from "../h2/line.ts";
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
  /** `h2c`: it speaks HTTP/2 alone. */
  protocol?: string | undefined;
}

/** Asks a replica whether it is ready. */
export async function askReady(probed: Probed): Promise<Asked> {
  return await (probed.protocol === "h2c" ? askByHttp2(probed) : askByHttp(probed));
}

/** Where no path is named, gRPC's health service says it. */
async function askByHttp2({ address, port, ready: path, host }: Probed): Promise<Asked> {
  let connected = false;
  using line = new Http2Line(async () => {
    const socket = connect(port, address, () => (connected = true));
    return await Promise.resolve(socket);
  });
  try {
    const status = await within(PATIENCE_MS, undefined, async (signal) =>
      path === "/"
        ? (await askHealth(line, host, signal)).status
        : (await line.ask({ method: "GET", path, headers: hostHeader(host) }, signal)).status,
    );
    return status < 500 || status === NO_SUCH_METHOD ? "answered" : "failed";
  } catch {
    return connected ? "silent" : "refused";
  }
}

/** What gRPC says where there is no health service. */
const NO_SUCH_METHOD = 501;

async function askByHttp({ address, port, ready: path, host: name }: Probed): Promise<Asked> {
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
