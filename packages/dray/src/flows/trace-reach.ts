import net from "node:net";
import { once } from "node:events";
import { run } from "../base/process.ts";
import { local } from "../machine/local.ts";
import { isLocal, type Where } from "../machine/machine.ts";
import { type Reach, reachSsh, type SshOptions } from "../machine/ssh.ts";

/** Who looks for a fault wants it named soon. */
const CONNECT_TIMEOUT_S = 4;

/** A machine's parts, for looking at it when not all of them work. */
export async function reachOf(where: Where, ssh: SshOptions, signal: AbortSignal): Promise<Reach> {
  if (!isLocal(where))
    return await reachSsh(where, { ...ssh, connectTimeoutS: CONNECT_TIMEOUT_S, apart: true }, signal);
  const machine = local(signal);
  machine.catch(() => undefined);
  return {
    address: "127.0.0.1",
    machine,
    shell: (script, at) => run(["sh", "-c", script], { signal: at }),
    dial: async (host, port) => {
      const socket = net.connect({ host, port });
      await once(socket, "connect");
      return socket;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
