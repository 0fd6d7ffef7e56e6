import pLimit from "p-limit";
import { asFailure, Failure } from "../../base/failure.ts";
import type { Place } from "../../contract/place.ts";

/**
 * Does the same at many places, `atOnce` of them side by side. One that fails does not stop the others, unless it is to
 * `stop`: then those that have not begun are left as they are.
 * @throws the failure of the only machine, or Failure fleet.partly-failed that names each
 */
export async function onEach<T>(
  places: readonly Place[],
  atOnce: number,
  act: (place: Place) => Promise<T>,
  afterFailure: "go-on" | "stop" = "go-on",
): Promise<T[]> {
  const limit = pLimit(atOnce);
  const untouched = new Set<string>();
  const failures: { on: string; failure: Failure }[] = [];
  const guarded = async (place: Place): Promise<T | undefined> => {
    if (afterFailure === "stop" && failures.length > 0) return void untouched.add(place.name);
    try {
      return await act(place);
    } catch (error) {
      failures.push({ on: place.name, failure: asFailure(error) });
      return undefined;
    }
  };
  const results = await Promise.all(places.map((place) => limit(() => guarded(place))));
  const [first] = failures;
  if (first === undefined) return results as T[];
  if (places.length === 1) throw first.failure;
  const done = places.filter(
    (place) => !untouched.has(place.name) && !failures.some((failed) => failed.on === place.name),
  );
  throw new Failure(
    "fleet.partly-failed",
    `${failures.length} of ${places.length} machines failed: ${failures.map((failed) => failed.on).join(", ")}`,
    {
      hint:
        done.length > 0
          ? `${done.map((place) => place.name).join(", ")} are done; run the same command again for the rest`
          : "nothing was changed anywhere",
      details: [
        ...failures.map((failed) => `${failed.on}: [${failed.failure.code}] ${failed.failure.message}`),
        ...(untouched.size > 0 ? [`left as they were: ${[...untouched].join(", ")}`] : []),
      ],
      cause: first.failure,
    },
  );
}
