import pLimit from "p-limit";
import type { CallSession, Failed, Place, Scope, Served, Verbs } from "../verbs.ts";

/** What calls are answered from. */
export interface Desk<M> {
  version: string;
  services: readonly Served<M>[];
  /** Whether the page may change what runs. */
  mayChange: boolean;
  /** The verbs, with a session of one call. */
  open: (session: CallSession) => Verbs<M>;
  /** Anything thrown, as a failure that people can read. */
  told: (error: unknown) => Failed;
}

/** Sends a line of an answer. */
export type Tell = (line: object) => void;

/** A call on its way. */
export interface Asked<M> {
  desk: Desk<M>;
  verbs: Verbs<M>;
  signal: AbortSignal;
  tell: Tell;
}

/** A call that makes no sense; the page never sends one. */
export class BadCall extends Error {}

/** The service of that number. @throws BadCall */
export function servedAt<M>({ services }: Desk<M>, service: number): Served<M> {
  const found = services[service];
  if (found === undefined) throw new BadCall("there is no service of that number");
  return found;
}

/** The service's place of that name. @throws BadCall */
export function placeOf<M>({ places }: Served<M>, name: string): Place {
  const found = places.find((place) => place.name === name);
  if (found === undefined) throw new BadCall("the service has no place of that name");
  return found;
}

const AT_ONCE = 8;

/**
 * Asks for the same at every place of a service, or at the one named, and tells each answer as it comes: a place that is
 * dead or slow does not hide the others.
 */
export async function atPlaces<M>(
  { desk, tell, signal }: Asked<M>,
  { service, place }: { service: number; place?: string | undefined },
  ask: (scope: Scope<M>) => Promise<unknown[]>,
): Promise<void> {
  const served = servedAt(desk, service);
  const places = place === undefined ? served.places : [placeOf(served, place)];
  const limit = pLimit(AT_ONCE);
  const askOne = async ({ name }: Place): Promise<void> => {
    if (signal.aborted) return;
    try {
      const [found] = await ask({ manifest: served.manifest, only: name });
      tell({ place: name, found });
    } catch (error) {
      if (!signal.aborted) tell({ place: name, failed: desk.told(error) });
    }
  };
  await Promise.all(places.map((each) => limit(() => askOne(each))));
}
