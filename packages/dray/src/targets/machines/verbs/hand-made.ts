import { Failure } from "../../../base/failure.ts";
import type { Place } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import type { HandMade, ProgramSaid } from "../../../core/hand-made.ts";
import { isMissing } from "../../../machine/engine.ts";
import { connect } from "../plan/site.ts";

/** A container on a machine that somebody started by hand, with what its image says. @throws Failure container.unknown */
export async function findHandMade(place: Place, container: string, session: Session): Promise<HandMade> {
  await using machine = await connect(place, session);
  const { engine } = machine;
  const { signal } = session;
  const path = `/containers/${encodeURIComponent(container)}/json`;
  const found = await engine.get<HandMade & { Image: string }>(path, { signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new Failure("container.unknown", `there is no container ${container} on ${place.name}`, {
      hint: `ssh ${place.name} docker ps lists what runs there`,
      cause: error,
    });
  });
  const image = await engine.get<{ Config: ProgramSaid | null; RepoDigests: string[] | null }>(
    `/images/${found.Image}/json`,
    {
      signal,
    },
  );
  return { ...found, image: image.Config ?? {}, inRegistry: (image.RepoDigests ?? []).length > 0 };
}
