import type { Place } from "../../contract/place.ts";
import type { AnyTarget, VerbSession } from "../../contract/target.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { onEach } from "../fleet/fleet.ts";
import { targetOf } from "../fleet/places.ts";

/** What a deploy or rollback left for later, at one place: what has no traffic any more drains, and ends. */
export interface Left {
  target: string;
  place: Place;
  service: string;
  /** Releases that are kept. */
  keep: number;
}

/** Takes it over; a promise ends when it is in good hands. */
export type RetireLater = ((left: Left) => void) | ((left: Left) => Promise<void>);

/** Retires at each place, now or by whoever takes it over. @throws Failure */
export async function retireAt(
  { target, places, manifest }: { target: AnyTarget; places: readonly Place[]; manifest: Manifest },
  later: RetireLater | undefined,
  session: VerbSession,
): Promise<void> {
  if (target.retire === undefined || places.length === 0) return;
  const { service, keep } = manifest;
  const leftAt = (place: Place): Left => ({ target: target.kind, place, service, keep });
  if (later === undefined) await onEach(places, places.length, (place) => retire(leftAt(place), session));
  else await Promise.all(places.map(async (place) => await later(leftAt(place))));
}

/** Drains, stops and prunes what has no traffic any more. @throws Failure */
export async function retire({ target, place, service, keep }: Left, session: VerbSession): Promise<void> {
  await targetOf({ target }, session).retire?.(place, { service, keep }, session);
}
