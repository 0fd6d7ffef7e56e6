import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { LISTEN } from "./listen.ts";
import { type Copy, parseCopy } from "./shadow/copy.ts";

/** Where the edge sends its copies, as datagrams: it waits for nobody, and what does not arrive is lost. */
const PORT = 9997;
/** The kernel's buffer for bursts. */
const BUFFER_BYTES = 4_000_000;

/** Takes copies of requests and hands them on. */
export async function takeCopies(onCopy: (copy: Copy) => void): Promise<Socket> {
  const socket = createSocket({ type: "udp4" });
  socket.on("message", (message) => {
    const copy = parseCopy(message.toString("latin1"));
    if (copy !== undefined) onCopy(copy);
  });
  socket.bind(PORT, LISTEN);
  await once(socket, "listening");
  socket.setRecvBufferSize(BUFFER_BYTES);
  return socket;
}
