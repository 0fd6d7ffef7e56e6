import net from "node:net";

/** A stretch of network between this computer and one port of another: it takes time, and it is counted. */
export interface Wire extends AsyncDisposable {
  /** Where to connect on this computer. */
  port: number;
  /** Round trip in milliseconds; may be changed at any time. */
  rttMs: number;
  /** Megabits in a second, each way; undefined: as many as there are. May be changed at any time. */
  mbit: number | undefined;
  /** Payload bytes that went there and came back. */
  bytes: { there: number; back: number };
  /** Breaks every connection that is open, and refuses new ones until `mend`. */
  cut(): void;
  mend(): void;
}

/** So much may be on its way at once, beyond what the round trip itself takes. */
const MOST_QUEUED_MS = 50;

/** Opens a relay in front of `host:port`: this kernel has no netem, so the delay is made here. */
export async function openWire(host: string, port: number, rttMs: number = 0): Promise<Wire> {
  const open = new Set<net.Socket>();
  let broken = false;
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    if (broken) return void near.destroy();
    const far = net.connect({ host, port, allowHalfOpen: true, noDelay: true });
    for (const socket of [near, far]) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    }
    // The handshake of TCP itself is a round trip that the relay's own accept hides.
    const handshake = wire.rttMs;
    carry(near, far, handshake, "there");
    carry(far, near, 0, "back");
  });
  const carry = (from: net.Socket, to: net.Socket, extraMs: number, way: "there" | "back"): void => {
    let extra = extraMs;
    let lineIsFreeAt = 0;
    const late = (act: () => void): void => {
      const queued = Math.max(0, lineIsFreeAt - performance.now());
      setTimeout(act, wire.rttMs / 2 + extra + queued);
    };
    from.on("data", (chunk) => {
      wire.bytes[way] += chunk.length;
      if (wire.mbit !== undefined) {
        const now = performance.now();
        lineIsFreeAt = Math.max(now, lineIsFreeAt) + (chunk.length * 8) / (wire.mbit * 1000);
        // What does not fit on the line waits where it comes from, and not here.
        if (lineIsFreeAt - now > MOST_QUEUED_MS) {
          from.pause();
          setTimeout(() => from.resume(), lineIsFreeAt - now - MOST_QUEUED_MS / 2);
        }
      }
      late(() => to.writable && to.write(chunk));
      if (extra > 0) setTimeout(() => (extra = 0), extra);
    });
    from.once("end", () => late(() => to.end()));
    from.once("error", () => to.destroy());
    from.once("close", () => late(() => to.destroySoon()));
  };
  const wire: Wire = {
    port: 0,
    rttMs,
    mbit: undefined,
    bytes: { there: 0, back: 0 },
    cut: () => {
      broken = true;
      for (const socket of open) socket.destroy();
    },
    mend: () => {
      broken = false;
    },
    [Symbol.asyncDispose]: async () => {
      wire.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  wire.port = (server.address() as net.AddressInfo).port;
  return wire;
}
