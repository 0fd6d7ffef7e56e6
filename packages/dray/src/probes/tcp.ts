import net from "node:net";
import { since } from "drayage-clock";
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
  const outcome = await new Promise<Dialled["outcome"]>((resolve, reject) => {
    const socket = net.connect({ host, port });
    const settle = (how: Dialled["outcome"]): void => {
      socket.destroy();
      resolve(how);
    };
    socket.setTimeout(timeoutMs, () => settle("timeout"));
    socket.once("connect", () => settle("open"));
    socket.once("error", (error: NodeJS.ErrnoException) => settle(OUTCOMES[error.code ?? ""] ?? "failed"));
    signal.addEventListener(
      "abort",
      () => {
        socket.destroy();
        reject(signal.reason as Error);
      },
      { once: true },
    );
  });
  return { outcome, ms: since(startedAt) };
}
