import net from "node:net";
import { orAborted, since } from "drayage-clock";
import type { Dialled } from "../core/evidence.ts";

const OUTCOMES: Record<string, Dialled["outcome"]> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETUNREACH: "no-route",
  EADDRNOTAVAIL: "no-route",
  EACCES: "failed",
};

/** Tries to connect from this computer, and says how it ended; nothing is sent. */
export async function dialTcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Dialled> {
  signal.throwIfAborted();
  const startedAt = performance.now();
  const socket = net.connect({ host, port });
  let late: NodeJS.Timeout | undefined;
  const settled = new Promise<Dialled["outcome"]>((resolve) => {
    late = setTimeout(() => resolve("timeout"), timeoutMs);
    socket.once("connect", () => resolve("open"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(OUTCOMES[error.code ?? ""] ?? "failed"));
  });
  try {
    return { outcome: await orAborted(settled, signal), ms: since(startedAt) };
  } finally {
    clearTimeout(late);
    socket.destroy();
  }
}
