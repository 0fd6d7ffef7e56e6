import { EDGE } from "../../../edge/edge.ts";
import { movable } from "./movable.ts";
import { networkOf } from "../container/network.ts";
import { shareOf } from "../container/secrets.ts";
import { WALL_VERSION } from "../container/wall.ts";
import type { Seen, SeenContainer } from "./observe.ts";
import type { MachineStep, Wish } from "./steps.ts";

/** The edge, where it is missing or lacks a port. */
export function edgeSteps({ edge }: Wish, seen: Seen): MachineStep[] {
  const narrow = seen.edge !== "none" && edge.tls !== undefined && seen.tls !== edge.tls;
  if (seen.edge === "running" && !narrow) return [];
  const title = narrow
    ? `make the edge anew, with port ${edge.tls}: nobody serves for about a second`
    : `${seen.edge === "none" ? "make" : "start"} the edge`;
  return [{ kind: "edge", on: seen.machine, title, ...edge }];
}

/** A service's own network, with the edge in it, and the keeper, which asks its replicas. */
export function networkSteps({ release }: Wish, seen: Seen): MachineStep[] {
  const network = networkOf(release);
  const lacks = (container: SeenContainer): boolean => !container.networks.includes(network);
  const missing = seen.containers.some((each) => (each.name === EDGE || each.apart === true) && lacks(each));
  if (seen.networks[network] !== undefined && !missing) return [];
  return [{ kind: "network", on: seen.machine, title: `a network for ${release.service} alone`, network }];
}

/** What an older dray put where every service was. */
export function moveSteps(seen: Seen): MachineStep[] {
  const services = [...movable(seen).keys()].toSorted();
  if (services.length === 0) return [];
  const title = `${services.join(", ")}: out of the network of all services`;
  return [{ kind: "move", on: seen.machine, title, services }];
}

/** What keeps replicas from the cloud's metadata, where this release has not asked for it. */
export function wallSteps({ release }: Wish, seen: Seen): MachineStep[] {
  const stands = seen.containers.some((each) => each.running && each.wall === WALL_VERSION);
  if (release.settings.metadata !== false || stands) return [];
  return [{ kind: "wall", on: seen.machine, title: "block the cloud's metadata" }];
}

/** The keeper's certificate as it is asked for now; undefined when it is to be told. */
function isAsked({ keeper }: Wish, seen: Seen): boolean {
  if (keeper?.host === undefined) return true;
  return JSON.stringify(seen.state.keeper?.certificates[keeper.host]) === JSON.stringify(keeper.certificate);
}

/** Whose secrets it is to have in memory: the service's, and a share for each container beside it that names some. */
function holdersOf({ release: { service, settings } }: Wish): string[] {
  if (settings.secrets.length === 0) return [];
  const beside = Object.entries(settings.run?.with ?? {}).filter(([, { secrets }]) => secrets !== undefined);
  return [service, ...beside.map(([name]) => shareOf(service, name))];
}

/** The keeper, where something is new to it. */
export function keeperSteps(wish: Wish, seen: Seen): MachineStep[] {
  const { keeper, edge } = wish;
  if (keeper === undefined) return [];
  const secrets = wish.again ? [] : holdersOf(wish);
  const holds = secrets.every((each) => seen.keeperSecrets?.includes(each));
  if (
    holds &&
    seen.state.keeper !== undefined &&
    seen.keeper === keeper.image &&
    isAsked(wish, seen) &&
    (edge.tls === undefined || seen.state.tls === edge.tls)
  )
    return [];
  return [{ kind: "keeper", on: seen.machine, title: "start the keeper", image: keeper.image, secrets }];
}

/** Weights that the machine has not whole; a release that was there has mounted its own. */
export function weightSteps({ release, again, rotates, keeper, weightBytes }: Wish, seen: Seen): MachineStep[] {
  if (again || rotates !== undefined || keeper === undefined) return [];
  const lacking = Object.entries(release.settings.weights ?? {}).filter(
    ([, { id }]) => seen.weights?.includes(id) !== true,
  );
  return lacking.map(([name, { id }]) => {
    const bytes = weightBytes?.[id];
    const size = bytes === undefined ? "" : ` (${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB)`;
    return {
      kind: "weights",
      on: seen.machine,
      title: `fetch the weights ${name}${size}`,
      content: id,
      image: keeper.image,
    };
  });
}

/** Whom the keeper is to tell; a rollback leaves that as it is. */
export function alertSteps({ release, alerts, again, rotates }: Wish, seen: Seen): MachineStep[] {
  if (again || rotates !== undefined || alerts === undefined) return [];
  const before = seen.state.services[release.service]?.alerts === true;
  if (!alerts && !before) return [];
  const title = alerts ? "say whom to alert" : "alert nobody any more";
  return [{ kind: "alerts", on: seen.machine, title, drop: !alerts }];
}

/** Secrets whose values are here; a rollback finds them where they are. */
export function secretSteps({ release, again, rotates }: Wish, seen: Seen): MachineStep[] {
  const names = rotates ?? release.settings.secrets;
  if (names.length === 0 || again) return [];
  const title = `hand over ${names.length === 1 ? "a secret" : `${names.length} secrets`}`;
  return [{ kind: "secrets", on: seen.machine, title, names, merge: rotates !== undefined || wantsKept(release) }];
}

/** A program that must have ended well before the release starts. What a rollback goes back to has had its own. */
export function beforeSteps({ release, again, rotates }: Wish, seen: Seen): MachineStep[] {
  const argv = release.settings.run?.before;
  if (argv === undefined || again || rotates !== undefined) return [];
  return [{ kind: "before", on: seen.machine, title: `run ${argv.join(" ")} once`, argv }];
}

/** Some of the secrets live on the machine only: they must stay there. */
const wantsKept = (release: Wish["release"]): boolean => release.settings.keptSecrets === true;

/** A certificate that is not there yet, or cannot be renewed. */
export function certificateSteps(wish: Wish, seen: Seen): MachineStep[] {
  const host = wish.keeper?.host;
  const known = host === undefined ? undefined : seen.certificates?.[host];
  const good = known?.state === "valid" && known.problem === undefined;
  if (host === undefined || (isAsked(wish, seen) && good)) return [];
  return [{ kind: "certificate", on: seen.machine, title: `a certificate for ${host}`, host }];
}
