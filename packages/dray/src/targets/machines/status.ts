import type { Session } from "../../contract/session.ts";
import type { Place } from "../../contract/place.ts";
import { withSite } from "./site.ts";
import type { CertificateStatus } from "drayage-keeper";
import { Failure } from "../../base/failure.ts";
import { EMPTY_STATE, keptOf, type Replica, type ServiceState } from "../../edge/state.ts";
import { leftText, type Unfinished, unfinished } from "./journal.ts";
import { withVariables } from "./secrets.ts";
import { keeperStatus } from "../../edge/keeper-status.ts";
import { WITH_LABEL } from "./with-container.ts";
import type { Site } from "./observe.ts";

/** One release on one machine, as `dray status` shows it. */
export interface ReleaseRow {
  release: string;
  image: string;
  traffic: boolean;
  /** Of the traffic, in percent. */
  share: number;
  running: number;
  replicas: number;
  /** Containers that the image's own HEALTHCHECK calls unhealthy. */
  unhealthy?: string[];
  inFlight: number;
  who: string;
  deployedAt: string;
  commit?: string;
}

export interface ServiceRow {
  service: string;
  current: string;
  previous?: string;
  releases: ReleaseRow[];
  /** Containers beside the replicas that run, in the engine's words. */
  with?: { name: string; image: string; state: string }[];
}

interface Listed {
  Names: string[];
  /** `Up 5 minutes (unhealthy)`. */
  Status: string;
  Image: string;
  Labels: Record<string, string>;
}

export interface MachineStatus {
  machine: string;
  address: string;
  port: number;
  edge: boolean;
  services: ServiceRow[];
  /** By host, as the keeper tells of them. */
  certificates: Record<string, CertificateStatus>;
  /** What is being done, or was left undone by somebody who was interrupted. */
  unfinished: (Unfinished & { text: string })[];
}

/** What runs on a machine; all services, or the one named. */
export async function machineStatus(
  place: Place,
  service: string | undefined,
  session: Session,
): Promise<MachineStatus> {
  return await withSite(place, session, async (site) => {
    const state = (await site.edge?.state()) ?? EMPTY_STATE;
    const listed = await site.machine.engine.get<Listed[]>("/containers/json", {
      query: { filters: { label: ["dray.service"] } },
      signal: session.signal,
    });
    const running = new Set(listed.flatMap((container) => container.Names.map((name) => name.slice(1))));
    const ill = new Set(
      listed.flatMap(({ Names, Status }) => (Status.endsWith("(unhealthy)") ? Names.map((name) => name.slice(1)) : [])),
    );
    const services = Object.values(state.services).filter((each) => service === undefined || each.service === service);
    const left = site.edge === undefined ? [] : await unfinished(site.edge);
    const rows: ServiceRow[] = [];
    for (const each of services) {
      const inFlight = new Map(
        (await site.edge?.servers(each.service))?.map((server) => [server.name, server.inFlight]),
      );
      rows.push({
        service: each.service,
        current: each.current,
        ...(each.previous === undefined ? {} : { previous: each.previous }),
        ...besidesOf(listed, each.service),
        releases: each.releases.map((kept): ReleaseRow => ({
          release: kept.release.id,
          image: kept.release.image,
          traffic: kept.release.id === each.current,
          share: shareOf(each, kept.release.id),
          running: kept.replicas.filter((replica) => running.has(replica.container)).length,
          replicas: kept.replicas.length,
          ...illOf(kept.replicas, ill),
          inFlight: kept.replicas.reduce(
            (sum, _replica, index) => sum + (inFlight.get(`${kept.release.id}.${index + 1}`) ?? 0),
            0,
          ),
          who: kept.release.from.who,
          deployedAt: kept.deployedAt,
          ...(kept.release.from.commit === undefined
            ? {}
            : { commit: kept.release.from.commit + (kept.release.from.dirty === true ? "+" : "") }),
        })),
      });
    }
    return {
      machine: place.name,
      address: site.machine.address,
      port: state.port,
      edge: site.edge !== undefined,
      services: rows,
      certificates: (site.edge && (await keeperStatus(site.edge)))?.certificates ?? {},
      unfinished: left
        .filter((each) => service === undefined || each.service === service)
        .map((each) => ({ ...each, text: leftText(each, state.services[each.service]?.current) })),
    };
  });
}

function besidesOf(listed: readonly Listed[], service: string): Pick<ServiceRow, "with"> {
  const found = listed.flatMap(({ Labels, Image, Status }) => {
    const name = Labels["dray.service"] === service ? Labels[WITH_LABEL] : undefined;
    return name === undefined ? [] : [{ name, image: Image, state: Status }];
  });
  return found.length === 0 ? {} : { with: found.toSorted((a, b) => a.name.localeCompare(b.name)) };
}

function illOf(replicas: readonly Replica[], ill: ReadonlySet<string>): Pick<ReleaseRow, "unhealthy"> {
  const unhealthy = replicas.flatMap(({ container }) => (ill.has(container) ? [container] : []));
  return unhealthy.length === 0 ? {} : { unhealthy };
}

function shareOf({ current, candidate }: ServiceState, release: string): number {
  if (candidate?.release === release) return candidate.share;
  return release === current ? 100 - (candidate?.share ?? 0) : 0;
}

/** The service's state on a machine. @throws Failure service.unknown */
export async function serviceOn(site: Site, service: string): Promise<ServiceState> {
  const found = (await site.edge?.state())?.services[service];
  if (found !== undefined) return found;
  throw new Failure("service.unknown", `${service} does not run on ${site.machine.name}`, {
    hint: "dray status shows what does; dray deploy starts it",
  });
}

/** The replicas that get the traffic, or those of the release named. @throws Failure */
export async function replicasOf(site: Site, service: string, release: string | undefined): Promise<Replica[]> {
  const state = await serviceOn(site, service);
  const kept = keptOf(state, release ?? state.current);
  if (kept !== undefined) return kept.replicas;
  throw new Failure("release.unknown", `${release} is not kept on ${site.machine.name}`, {
    hint: `kept there: ${state.releases.map((each) => each.release.id).join(", ")}`,
  });
}

/** The first replica that has the traffic, and the argv that gives a program there what the release itself has. @throws Failure */
export async function programIn(
  site: Site,
  service: string,
  argv: readonly string[],
): Promise<{ container: string; argv: string[] }> {
  const state = await serviceOn(site, service);
  const kept = keptOf(state, state.current);
  const [replica] = kept?.replicas ?? [];
  if (kept === undefined || replica === undefined) throw new TypeError("a service without a replica");
  return { container: replica.container, argv: withVariables(kept.release, argv) };
}
