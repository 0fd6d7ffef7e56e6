import type { Session } from "../../../contract/session.ts";
import type { Place } from "../../../contract/place.ts";
import { withSite } from "../plan/site.ts";
import type { CertificateStatus } from "drayage-keeper";
import { EMPTY_STATE, type Replica, type ServiceState } from "../../../edge/state.ts";
import { leftText, type Unfinished, unfinished } from "../plan/journal.ts";
import { keeperStatus } from "../../../edge/keeper-status.ts";
import { WITH_LABEL } from "../container/with-container.ts";

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
