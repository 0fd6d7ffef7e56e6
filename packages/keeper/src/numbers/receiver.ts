import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { type Access, parseAccess } from "./access.ts";
import type { LogFile } from "./log-file.ts";

/** Where the edge's ring of log lines is emptied to: in the shared volume, where no container but the edge can write. */
const SOCKET = "access.sock";
/** What Node reads at once: a chunk of this size says that more is waiting. */
const FULL = 65_536;
/** How long lines may gather. At tens of thousands a second they come by hundreds then; woken for each handful, the edge and the keeper lose a core's twentieth. */
const GATHER_MS = 20;

/** Who wants to know of each request. */
interface Taker {
  add(access: Access): void;
}

/** Takes the edge's access log, line by line over a socket in `home`, keeps it in files and counts it. */
export async function receive(home: string, log: LogFile, takers: readonly Taker[]): Promise<Server> {
  const socket = path.join(home, SOCKET);
  // A keeper that was killed leaves its own behind.
  await rm(socket, { force: true });
  const server = createServer((connection) => take(connection, log, takers));
  server.listen(socket);
  await once(server, "listening");
  return server;
}

function take(socket: Socket, log: LogFile, takers: readonly Taker[]): void {
  let rest = "";
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    if (chunk.length < FULL) gather(socket);
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

/** What comes meanwhile waits in the socket, and when that is full in the edge's ring. */
function gather(socket: Socket): void {
  socket.pause();
  setTimeout(() => socket.resume(), GATHER_MS);
}
