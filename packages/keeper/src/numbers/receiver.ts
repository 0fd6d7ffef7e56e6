import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Faults } from "../faults.ts";
import { type Access, parseAccess } from "drayage-record";
import type { LogFile } from "./log-file.ts";

/** Where the edge's ring of log lines is emptied to: in the shared volume, where no container but the edge can write. */
const SOCKET = "access.sock";
/** How long lines may gather outside: at tens of thousands a second they come by a hundred then. Longer, and what they cost in one piece is felt by whoever has the same core. */
const GATHER_MS = 3;
/** How long the edge may take to see that nobody takes its lines any more. */
const GOODBYE_MS = 500;

/** Who wants to know of each request. */
interface Taker {
  add(access: Access, nowMs: number): void;
}

export interface Receiver {
  /** Ends when every line that the edge has sent is taken, or after half a second: it is told first that nobody takes more. */
  close(): Promise<void>;
}

/** Takes the edge's access log, line by line over a socket in `home`, keeps it in files and counts it. */
export async function receive(home: string, log: LogFile, takers: readonly Taker[], faults: Faults): Promise<Receiver> {
  const socket = path.join(home, SOCKET);
  // A keeper that was killed leaves its own behind.
  await rm(socket, { force: true });
  const open = new Set<Socket>();
  // A socket that is paused still reads until its buffer is full: the smallest one lets the lines wait outside.
  const server = createServer({ highWaterMark: 1 }, (connection) => {
    open.add(connection);
    connection.once("close", () => open.delete(connection));
    take(connection, log, takers, faults);
  });
  server.listen(socket);
  await once(server, "listening");
  // HAProxy's workers are nobody; who else has the volume is ours.
  await chmod(socket, 0o666).catch((error: unknown) => {
    server.close();
    throw error;
  });
  server.on("error", (error) => faults.note("the access log's socket", error));
  return {
    async close() {
      server.close();
      const closed = [...open].map((each) => new Promise((resolve) => each.end().once("close", resolve)));
      await Promise.race([Promise.all(closed), sleep(GOODBYE_MS)]);
      // Who still sends would write to a log that is closed.
      for (const each of open) each.destroy();
      await log.close();
    },
  };
}

function take(socket: Socket, log: LogFile, takers: readonly Taker[], faults: Faults): void {
  let rest = "";
  socket.on("error", () => socket.destroy());
  gather(socket);
  socket.on("data", (chunk: Buffer) => {
    log.write(chunk);
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    const nowMs = Date.now();
    // One line that nobody thought of is one line less, not the end of them all.
    for (const line of lines) faults.guardNow("a line of the access log", () => tell(line, takers, nowMs));
  });
}

function tell(line: string, takers: readonly Taker[], nowMs: number): void {
  const access = parseAccess(line);
  if (access === undefined) return;
  for (const taker of takers) taker.add(access, nowMs);
}

/** Lets the socket rest after each turn of the event loop that read from it; a turn reads all that is there. */
function gather(socket: Socket): void {
  let turn = false;
  socket.on("data", () => {
    if (turn) return;
    turn = true;
    setImmediate(() => {
      socket.pause();
      setTimeout(() => {
        turn = false;
        socket.resume();
      }, GATHER_MS);
    });
  });
}
