import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Access, parseAccess } from "./access.ts";
import type { LogFile } from "./log-file.ts";

/** Where the edge's ring of log lines is emptied to. */
const PORT = 9996;

/** Who wants to know of each request. */
interface Taker {
  add(access: Access): void;
}

/** Takes the edge's access log, line by line over TCP, keeps it in files and counts it. */
export async function receive(log: LogFile, takers: readonly Taker[]): Promise<Server> {
  const server = createServer((socket) => take(socket, log, takers));
  server.listen(PORT);
  await once(server, "listening");
  return server;
}

function take(socket: Socket, log: LogFile, takers: readonly Taker[]): void {
  let rest = "";
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    log.write(chunk);
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const access = parseAccess(line);
      if (access === undefined) continue;
      for (const taker of takers) taker.add(access);
    }
  });
}
