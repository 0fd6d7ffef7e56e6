import type { Place } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import { local } from "../../../machine/local.ts";
import { isLocal, type Machine, type Where } from "../../../machine/machine.ts";
import { overSsh, type SshOptions } from "../../../machine/ssh.ts";
import { openEdge, type Site } from "./observe.ts";

/** A place as ssh knows it. */
export const whereOf = ({ name, at }: Place): Where => ({ name, ssh: at });

export const sshOf = ({ hostKeys }: Session): SshOptions =>
  hostKeys === "accept-new" ? { acceptNewHostKey: true } : {};

/** Connects to a machine. @throws Failure ssh.*, docker.* */
export async function connect(place: Place, session: Session): Promise<Machine> {
  const where = whereOf(place);
  return isLocal(where) ? await local(session.signal) : await overSsh(where, sshOf(session), session.signal);
}

/** Connects to a machine for the time of `act`. @throws Failure ssh.*, docker.* */
async function withMachine<T>(place: Place, session: Session, act: (machine: Machine) => Promise<T>): Promise<T> {
  await using machine = await connect(place, session);
  return await act(machine);
}

/** Connects to a machine and opens its edge's shell; closing the machine closes both. */
export async function withSite<T>(place: Place, session: Session, act: (site: Site) => Promise<T>): Promise<T> {
  return await withMachine(place, session, async (machine) => {
    const edge = await openEdge(machine, session.signal);
    return await act({ machine, edge });
  });
}
