import { attach } from "../../../base/process.ts";
import type { Subject } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import { connect, withSite } from "../plan/site.ts";
import { programIn } from "../plan/service-on.ts";

/** Users without access to the engine's socket go through sudo. */
const DOCKER = `test -w /var/run/docker.sock && exec docker "$@"; exec sudo -n docker "$@"`;

/** A program in the first replica that has the traffic, at this terminal; resolves to its exit code. */
export async function attachProgram(
  { place, service }: Subject,
  { argv, terminal }: { argv: readonly string[]; terminal: boolean },
  session: Session,
): Promise<number> {
  const found = await withSite(place, session, (site) => programIn(site, service, argv));
  await using machine = await connect(place, session);
  const args = ["exec", terminal ? "-it" : "-i", found.container, ...found.argv];
  return await attach(machine.interactive(["sh", "-c", DOCKER, "docker", ...args], terminal));
}
