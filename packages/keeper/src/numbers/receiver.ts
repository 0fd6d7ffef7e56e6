import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { parseAccess } from "./access.ts";
import type { LogFile } from "./log-file.ts";
import type { Numbers } from "./numbers.ts";
import type { Prometheus } from "./prometheus.ts";

/** Where the edge's ring of log lines is emptied to. */
const PORT = 9996;

/** Takes the edge's access log, line by line over TCP, keeps it in files and counts it. */
export async function receive(log: LogFile, numbers: Numbers, prometheus: Prometheus): Promise<Server> {
  const server = createServer((socket) => take(socket, log, numbers, prometheus));
  server.listen(PORT);
  await once(server, "listening");
  return server;
}

function take(socket: Socket, log: LogFile, numbers: Numbers, prometheus: Prometheus): void {
  let rest = "";
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    log.write(chunk);
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const access = parseAccess(line);
      if (access === undefined) continue;
      numbers.add(access);
      prometheus.add(access);
    }
  });
}
