import type { Session } from "../../../contract/session.ts";
import type { Place } from "../../../contract/place.ts";
import { whereOf, sshOf } from "../plan/site.ts";
import net from "node:net";
import { once } from "node:events";
import { run } from "../../../base/process.ts";
import { local } from "../../../machine/local.ts";
import { isLocal } from "../../../machine/machine.ts";
import { type Reach, reachSsh } from "../../../machine/ssh.ts";

/** Who looks for a fault wants it named soon. */
const CONNECT_TIMEOUT_S = 4;

/** A machine's parts, for looking at it when not all of them work. */
export async function reachOf(place: Place, session: Session): Promise<Reach> {
  const { signal } = session;
  const where = whereOf(place);
  if (!isLocal(where))
    return await reachSsh(where, { ...sshOf(session), connectTimeoutS: CONNECT_TIMEOUT_S, apart: true }, signal);
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
