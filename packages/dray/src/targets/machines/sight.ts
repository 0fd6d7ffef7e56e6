import { Failure } from "../../base/failure.ts";
import type { Order } from "../../contract/order.ts";
import type { Place } from "../../contract/place.ts";
import type { Session } from "../../contract/session.ts";
import type { Observed } from "../../contract/target.ts";
import { type Release, releaseId } from "../../core/release.ts";
import { bytesOf } from "../../core/weights.ts";
import { keptOf } from "../../edge/state.ts";
import { architectureName, type Machine } from "../../machine/machine.ts";
import { loginsOf } from "../../manifest/registry.ts";
import { RESTORE_ROLE } from "./container/labels.ts";
import { imageName } from "./image/bring.ts";
import { fit } from "./image/fit.ts";
import type { Https } from "./plan/work.ts";
import { orMachines } from "./image/machine-login.ts";
import { releaseFor } from "./image/make.ts";
import { edgeOf, type Seen, type Site, survey } from "./plan/observe.ts";
import { refuseOpen } from "./plan/open-to-all.ts";
import { reachedBy } from "./reached-by.ts";
import { connect } from "./plan/site.ts";
import { serviceOn } from "./plan/service-on.ts";
import type { Wish } from "./plan/steps.ts";

/** One machine, what was seen there, and what the order means there. */
export interface Sight {
  place: Place;
  site: Site;
  seen: Seen;
  wish: Wish;
  https: Https | undefined;
}

/** Connects and looks; the connection is the caller's to close. @throws Failure */
export async function observe(place: Place, order: Order, session: Session): Promise<Observed<Sight>> {
  const { want, making } = order;
  // An image that exists needs no machine to be made ready: it is read while ssh connects.
  if (want.verb === "deploy" && !making.perArchitecture) releaseFor(order, "any").catch(() => undefined);
  const machine = await connect(place, session);
  try {
    const sight = await sightOf(machine, order, session);
    return { seen: { place, ...sight }, [Symbol.asyncDispose]: async () => await machine[Symbol.asyncDispose]() };
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
}

type Look = Promise<Omit<Sight, "place">>;

async function sightOf(machine: Machine, order: Order, session: Session): Look {
  const { want } = order;
  switch (want.verb) {
    case "deploy":
      return await toDeploy(machine, order, session);
    case "rollback":
      return await toRollBack(machine, order, want.to, session);
    case "rotate":
      return await toRotate(machine, order, want.secret, session);
  }
}

async function toDeploy(machine: Machine, order: Order, session: Session): Look {
  const { manifest, making } = order;
  const architecture = architectureName(machine.version.Arch);
  const looking = {
    port: manifest.edge.port,
    bringing: true,
    gpus: manifest.limits.gpus !== undefined,
    weights: order.weights.length > 0,
  };
  const [made, { site, seen }] = await Promise.all([
    releaseFor(order, making.perArchitecture ? architecture : "any"),
    survey(machine, looking, session),
  ]);
  const find = orMachines(loginsOf(manifest), machine);
  refuseHalfRestored(seen);
  const { release, source } = await fit(made, { machine, seen }, find, session);
  const keeper = isWatched(order) || Object.keys(manifest.secrets).length > 0 ? "needed" : "for-https";
  const reached = await reachedBy(order, { machine, architecture }, keeper, session);
  await refuseOpen({ manifest, seen, address: machine.address }, order);
  const weightBytes = await missingBytes(order, seen, session.signal);
  const wish: Wish = {
    release,
    source,
    again: false,
    weightBytes,
    alerts: manifest.alerts !== undefined,
    ...reached.wish,
    ...(order.rollout === "as-the-manifest-says" ? { rollout: manifest.rollout } : {}),
    ...(typeof order.rollout === "object" ? { shadow: order.rollout } : {}),
  };
  return { site, seen, wish, https: reached.https };
}

/** On half of a backup a service would be open to all, or closed to its callers. @throws Failure backup.unfinished */
function refuseHalfRestored({ machine, containers }: Seen): void {
  if (containers.every(({ role }) => role !== RESTORE_ROLE)) return;
  throw new Failure("backup.unfinished", `a backup is half restored to ${machine}`, {
    hint: `dray machine restore FILE ${machine}, again, finishes it; dray machine clean ${machine} --data leaves nothing of it`,
  });
}

/** Asks the sources of what the machine lacks, once for all machines. @throws Failure weights.* */
async function missingBytes(order: Order, seen: Seen, signal: AbortSignal): Promise<Readonly<Record<string, number>>> {
  const lacking = order.weights.filter(({ id }) => seen.weights?.includes(id) !== true);
  const asked = lacking.map(async (wanted): Promise<[string, number][]> => {
    const files = order.once(`weights ${wanted.id}`, () => wanted.open(signal));
    // A plan can be made where there is no login for the source: it just does not know the size.
    const bytes = bytesOf(order.mode === "plan" ? await files.catch(() => [{ path: "" }]) : await files);
    return bytes === undefined ? [] : [[wanted.id, bytes]];
  });
  return Object.fromEntries((await Promise.all(asked)).flat());
}

/** Somebody looks at its answers before, or after, it has all of the traffic. */
function isWatched({ rollout, manifest }: Order): boolean {
  const { canary, bake, shadow } = manifest.rollout;
  if (rollout === "at-once") return false;
  return typeof rollout === "object" || canary.length > 0 || bake !== undefined || shadow !== undefined;
}

async function toRollBack(machine: Machine, order: Order, to: string | undefined, session: Session): Look {
  const { manifest } = order;
  const { site, seen } = await survey(machine, { port: manifest.edge.port, bringing: false }, session);
  const release = releaseBefore(seen, manifest.service, to);
  const { architecture } = seen;
  const reached = await reachedBy(order, { machine, architecture }, "for-https", session);
  return { site, seen, wish: { release, source: { via: "here" }, again: true, ...reached.wish }, https: reached.https };
}

/** The live release, started anew beside itself with another value of a secret. */
async function toRotate(machine: Machine, order: Order, secret: string, session: Session): Look {
  const { manifest, from } = order;
  const { site, seen } = await survey(machine, { port: manifest.edge.port, bringing: false }, session);
  await serviceOn(site, manifest.service);
  const service = edgeOf(site).known.services[manifest.service];
  const live = service && keptOf(service, service.current)?.release;
  if (live === undefined) throw new TypeError("no live release");
  checkSecret(live, secret);
  const { architecture } = seen;
  const reached = await reachedBy(order, { machine, architecture }, "needed", session);
  const wish: Wish = {
    release: { ...live, id: releaseId(Date.now(), Math.random), from },
    source: live.image.startsWith("sha256:") ? { via: "here" } : { via: "tag", image: imageName(live) },
    again: false,
    rotates: [secret],
    ...reached.wish,
  };
  return { site, seen, wish, https: reached.https };
}

function checkSecret({ id, settings }: Release, name: string): void {
  const names = settings.secrets;
  if (names.includes(name)) return;
  throw new Failure("secrets.unknown", `${id} has no secret ${name}`, {
    hint: names.length === 0 ? "secrets: in the manifest names them" : `it has: ${names.join(", ")}`,
  });
}

/** The release that a rollback means: the one named, else the one before. @throws Failure release.none-before, release.unknown */
function releaseBefore(seen: Seen, name: string, asked: string | undefined): Release {
  let to = asked;
  const service = seen.state.services[name];
  if (service === undefined) {
    throw new Failure("service.unknown", `${name} does not run on ${seen.machine}`, {
      hint: `dray status; dray deploy starts it`,
    });
  }
  // An abandoned trial is rolled back to the release that holds the rest of the traffic.
  if (service.candidate !== undefined && to === undefined) to = service.current;
  const kept = service.releases.filter((each) => each.release.id !== service.current).map((each) => each.release.id);
  const wanted = to ?? service.previous;
  if (wanted === undefined)
    throw new Failure("release.none-before", `${service.current} is the first release of ${name} on ${seen.machine}`, {
      hint: "there is nothing to go back to yet",
    });
  const found = keptOf(service, wanted);
  if (found === undefined || (wanted === service.current && service.candidate === undefined)) {
    throw new Failure(
      "release.unknown",
      wanted === service.current ? `${wanted} has the traffic already` : `${wanted} is not kept on ${seen.machine}`,
      {
        hint: kept.length > 0 ? `kept there: ${kept.join(", ")}` : "no other release is kept there",
      },
    );
  }
  return found.release;
}
