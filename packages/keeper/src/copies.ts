import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Faults } from "./faults.ts";
import { LISTEN } from "./listen.ts";
import { type Copy, parseCopy } from "./shadow/copy.ts";

/** Where the edge sends its copies, as datagrams: it waits for nobody, and what does not arrive is lost. */
const PORT = 9997;
/** The kernel's buffer for bursts. */
const BUFFER_BYTES = 4_000_000;

/** Who wants copies, and which. */
export interface Taker {
  name: string;
  take(copy: Copy): void;
}

/** Takes copies of requests and hands them on; a taker that fails over one is noted, and gets the next. */
export async function takeCopies(takers: readonly Taker[], faults: Faults, port: number = PORT): Promise<Socket> {
  const socket = createSocket({ type: "udp4" });
  socket.on("message", (message) => {
    faults.guardNow("a copy", () => {
      const copy = parseCopy(message.toString("latin1"));
      if (copy === undefined) return;
      for (const taker of takers) faults.guardNow(taker.name, () => taker.take(copy));
    });
  });
  socket.bind(port, LISTEN);
  await once(socket, "listening");
  socket.on("error", (error) => faults.note("copies", error));
  socket.setRecvBufferSize(BUFFER_BYTES);
  return socket;
}
