import type { Order, Outcome } from "../../contract/order.ts";
import type { Session } from "../../contract/session.ts";
import type { Plan } from "../../core/plan.ts";
import { endpoint } from "../../manifest/endpoint.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { loginsOf } from "../../manifest/registry.ts";
import { orMachines } from "./image/machine-login.ts";
import { NETWORK, networkOf } from "./container/network.ts";
import { takenOn } from "./plan/observe.ts";
import { planDeploy } from "./plan/plan.ts";
import type { Sight } from "./sight.ts";
import type { MachineStep } from "./plan/steps.ts";
import type { Work } from "./plan/work.ts";

export function planFor(order: Order, { wish, seen }: Sight): Plan<MachineStep> {
  return planDeploy({ ...wish, keys: order.keys }, seen);
}

/** A machine's work, and what is said of it when it is done. */
export interface MachineWork extends Work {
  place: string;
  manifest: Manifest;
  port: number;
  /** What had the traffic. */
  before: string | undefined;
}

export function begin(order: Order, sight: Sight, session: Session): MachineWork {
  const { manifest } = order;
  const { site, seen, wish, https, place } = sight;
  // Asked now, so that the switch does not wait for it.
  if (order.mode === "perform") void site.machine.login?.();
  return {
    place: place.name,
    manifest,
    port: wish.edge.port,
    before: seen.state.services[wish.release.service]?.current,
    site,
    seen,
    who: session.who,
    release: wish.release,
    // What was proved once is only warmed now: golden.json may have moved on with the newer release.
    golden: order.want.verb === "rollback" ? [] : structuredClone(order.golden),
    answers: order.answers,
    accepted: [],
    edgeImage: wish.edge.image,
    findLogin: orMachines(loginsOf(manifest), site.machine),
    https,
    weights: order.weights,
    keys: order.keys,
    alerts: order.alerts,
    secured: !planFor(order, sight).stages.some(({ steps }) => steps.some(({ kind }) => kind === "certificate")),
    begunAt: new Date().toISOString(),
    startedAt: session.startedAt,
    bytesSent: 0,
    subnet: seen.networks[networkOf(wish.release)],
    taken: takenOn(seen),
    replicas: [],
    goldenMs: [],
  };
}

export function outcomeOf(work: MachineWork, at: "planned" | "done", plan: Plan): Outcome {
  const { site, manifest, https, release, before } = work;
  const { address } = site.machine;
  const secured = at === "planned" || https === undefined || work.secured;
  return {
    machine: work.place,
    address,
    port: work.port,
    url: endpoint(manifest, address, secured),
    secured: secured && https !== undefined,
    service: release.service,
    release: release.id,
    ...(before === undefined ? {} : { before }),
    plan,
    bytesSent: work.bytesSent,
    accepted: work.accepted,
    ...(at === "done" && leavesNothing(work) ? { leaves: "nothing" as const } : {}),
  };
}

/**
 * A service's first release has replaced none. Only where nothing was there before, not even what somebody left who was
 * interrupted: what is retired looks after that, too.
 */
export function leavesNothing({ site, seen, release, lease }: Work): boolean {
  const { service, settings } = release;
  const releases = site.edge?.known.services[service]?.releases ?? [];
  const moved = seen.containers.some((each) => each.role === "replica" && each.networks.includes(NETWORK));
  const old = moved || seen.containers.some((each) => each.service === service);
  const shares = settings.weights !== undefined || settings.secrets.length > 0;
  return releases.length === 1 && lease?.left.trim() === "" && !old && !shares;
}
