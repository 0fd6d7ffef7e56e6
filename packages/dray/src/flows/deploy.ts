import { Failure } from "../base/failure.ts";
import { carryOut } from "../core/carry-out.ts";
import type { Secret } from "../base/secret.ts";
import type { Context } from "../core/context.ts";
import type { Golden } from "../core/golden.ts";
import type { Plan } from "../core/plan.ts";
import type { Release } from "../core/release.ts";
import { keptOf } from "../machine/edge-state.ts";
import type { Where } from "../machine/machine.ts";
import type { SshOptions } from "../machine/ssh.ts";
import { loadGolden } from "../manifest/golden.ts";
import type { Manifest } from "../manifest/schema.ts";
import { architectureName, type Seen, type Site, survey, takenOn } from "../targets/machines/observe.ts";
import { planMachine } from "../targets/machines/plan.ts";
import type { MachineStep, ShadowRollout, Wish } from "../targets/machines/steps.ts";
import type { Https, Job } from "../targets/machines/job.ts";
import { networkOf } from "../targets/machines/network.ts";
import { performer } from "../targets/machines/perform.ts";
import { buildImage, loadCargo, makeRelease, origin, recipeOf, whoAmI } from "./build.ts";
import { alertSettings } from "./alert.ts";
import { supplyEdge } from "./edge-image.ts";
import { fit, type Made } from "./fit.ts";
import { machinesOf, onEach, withMachine } from "./fleet.ts";
import { endpoint } from "./https.ts";
import { supplyKeeper } from "./keeper-image.ts";
import { keysOf } from "./keys.ts";
import { orMachines } from "./machine-login.ts";
import { refuseOpen } from "./open-to-all.ts";
import { loginsOf, push, repositoryOf } from "./push.ts";
import { reachedBy } from "./reached-by.ts";
import { withSecrets } from "./secrets.ts";

export interface DeployOptions {
  ssh: SshOptions;
  machine?: string;
  /** Changed golden answers are taken over instead of refused. */
  acceptGolden?: boolean;
  /** All of the traffic at once, without canary and bake. */
  now?: boolean;
  /** Copies of requests only; the traffic stays where it is. */
  shadow?: ShadowRollout;
  /** Stop after the plan. */
  dryRun?: boolean;
  /** Shown the plan of every machine before anything is changed; false stops. */
  confirm?: (plan: Plan) => Promise<boolean>;
  /** When the command began (a `performance.now()` reading). */
  startedAt?: number;
}

/** What a deploy or rollback did on one machine. */
export interface Outcome {
  machine: string;
  address: string;
  port: number;
  /** Where clients call it. */
  url: string;
  /** There is a certificate, and it is in force. */
  secured: boolean;
  service: string;
  release: string;
  before?: string;
  plan: Plan;
  bytesSent: number;
  servingMs?: number;
  /** The golden requests with their new answers, where changed ones were accepted. */
  accepted: Golden[];
}

/**
 * Makes a release of what the manifest names and gives it the traffic on every machine.
 * The old release serves until the new one is proved; a failure before that changes nothing for clients.
 * @throws Failure
 */
export async function deploy(manifest: Manifest, options: DeployOptions, context: Context): Promise<Outcome[]> {
  const wheres = machinesOf(manifest, options.machine);
  const golden = await loadGolden(manifest);
  // A plan needs to know that there are secrets, and the value of none.
  const planning = options.dryRun === true;
  const equipped = planning ? context : await withSecrets(manifest, context);
  const keys = await keysOf(manifest, context, planning);
  const alerts = planning ? undefined : await alertSettings(manifest, context);
  const from = origin(manifest.folder, context);
  // Of one fleet every machine gets the same release: it is made once, by the first machine that says its architecture.
  const making = new Map<string, Promise<Made>>();
  const make = (architecture: string): ReturnType<typeof makeOnce> => {
    const begun = making.get(architecture) ?? makeOnce(manifest, architecture, options.dryRun === true, from, equipped);
    making.set(architecture, begun);
    return begun;
  };
  // An image that exists needs no machine to be made ready: it is read while ssh connects.
  const { perArchitecture } = recipeOf(manifest);
  if (!perArchitecture) make("any").catch(() => undefined);
  const rollout = options.now === true || options.shadow !== undefined ? {} : { rollout: manifest.rollout };
  // A release on trial is judged on one machine before the next one gets it.
  const { canary, bake, shadow } = manifest.rollout;
  const onTrial = options.now !== true && (canary.length > 0 || bake !== undefined || shadow !== undefined);
  const act = (where: Where): Promise<Outcome> =>
    withMachine(where, options.ssh, equipped, async (machine) => {
      const architecture = architectureName(machine.version.Arch);
      const [made, { site, seen }] = await Promise.all([
        make(perArchitecture ? architecture : "any"),
        survey(
          machine,
          { port: manifest.edge.port, bringing: true, gpus: manifest.limits.gpus !== undefined },
          equipped,
        ),
      ]);
      const { release, source } = await fit(made, machine, seen, orMachines(loginsOf(manifest), machine), equipped);
      const copying = options.now !== true && (options.shadow ?? manifest.rollout.shadow) !== undefined;
      const needed = copying || onTrial || Object.keys(manifest.secrets).length > 0;
      const reached = await reachedBy(manifest, machine, architecture, { needed, planning }, equipped);
      await refuseOpen({ manifest, seen, address: machine.address }, options);
      const wish: Wish = {
        release,
        source,
        again: false,
        alerts: manifest.alerts !== undefined,
        ...reached.wish,
        ...rollout,
        ...(options.shadow === undefined ? {} : { shadow: options.shadow }),
      };
      return await carryOutOn(
        where,
        {
          manifest,
          site,
          seen,
          wish,
          https: reached.https,
          keys,
          alerts: alerts ?? "nobody",
          golden: structuredClone(golden),
        },
        options,
        equipped,
      );
    });
  return await onEach(wheres, onTrial ? 1 : manifest.atOnce, act, onTrial);
}

async function makeOnce(
  manifest: Manifest,
  architecture: string,
  dryRun: boolean,
  from: ReturnType<typeof origin>,
  context: Context,
): Promise<Made> {
  if (dryRun && recipeOf(manifest).perArchitecture) {
    const built = { reference: "(to be built)" };
    return { built, cargo: undefined, release: makeRelease(manifest, built, "", await from) };
  }
  const built = await buildImage(manifest, architecture, await from, context);
  const cargo =
    built.cargo ?? (built.facts === undefined ? undefined : await loadCargo(built, manifest.service, context));
  const release = makeRelease(manifest, built, cargo?.digest ?? "", await from);
  const repository = repositoryOf(manifest);
  // What only a registry has already is pulled from there.
  if (repository === undefined || cargo === undefined) return { built, cargo, release };
  if (dryRun) return { built, cargo, release, wouldPull: `${repository}:${release.id}` };
  const { image, reference } = await push(manifest, repository, { tag: release.id, digest: cargo.digest }, context);
  return { built: { reference }, cargo: undefined, release: { ...release, image } };
}

/** Gives the traffic back to a release that is kept on the machines: the one before, or the one named. @throws Failure */
export async function rollback(
  manifest: Manifest,
  to: string | undefined,
  options: DeployOptions,
  context: Context,
): Promise<Outcome[]> {
  const keys = await keysOf(manifest, context, options.dryRun === true);
  return await onEach(machinesOf(manifest, options.machine), manifest.atOnce, (where) =>
    withMachine(where, options.ssh, context, async (machine) => {
      const { site, seen } = await survey(machine, { port: manifest.edge.port, bringing: false }, context);
      const release = target(seen, manifest.service, to);
      const planning = options.dryRun === true;
      const reached = await reachedBy(manifest, machine, seen.architecture, { needed: false, planning }, context);
      const wish: Wish = { release, source: { via: "here" }, again: true, ...reached.wish };
      // What was proved once is only warmed now: golden.json may have moved on with the newer release.
      return await carryOutOn(
        where,
        { manifest, site, seen, wish, https: reached.https, keys, golden: [] },
        options,
        context,
      );
    }),
  );
}

function target(seen: Seen, name: string, asked: string | undefined): Release {
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

/** One machine, what was seen there and what is wished for. */
export interface Errand {
  manifest: Manifest;
  site: Site;
  seen: Seen;
  wish: Wish;
  https: Https | undefined;
  keys: Job["keys"];
  alerts?: Secret | "nobody";
  golden: Golden[];
}

/** Carries out a wish on one machine. @throws Failure */
export async function carryOutOn(
  where: Where,
  errand: Errand,
  options: DeployOptions,
  context: Context,
): Promise<Outcome> {
  const { manifest, site, seen, wish, https, golden } = errand;
  const startedAt = options.startedAt ?? performance.now();
  const plan: Plan<MachineStep> = planMachine({ ...wish, keys: errand.keys }, seen);
  context.emit({ type: "planned", plan });
  const before = seen.state.services[wish.release.service]?.current;
  const reachable = (secured: boolean): Pick<Outcome, "url" | "secured"> => ({
    url: endpoint(manifest, site.machine.address, secured),
    secured: secured && https !== undefined,
  });
  const outcome: Outcome = {
    machine: where.name,
    address: site.machine.address,
    port: wish.edge.port,
    ...reachable(true),
    service: wish.release.service,
    release: wish.release.id,
    ...(before === undefined ? {} : { before }),
    plan,
    bytesSent: 0,
    accepted: [],
  };
  if (options.dryRun === true) return outcome;
  if (options.confirm !== undefined && !(await options.confirm(plan)))
    throw new Failure("usage.declined", "not confirmed; nothing was changed");
  const find = orMachines(loginsOf(manifest), site.machine);
  const job: Job = {
    site,
    who: whoAmI(),
    seen,
    release: wish.release,
    golden,
    acceptGolden: options.acceptGolden === true,
    accepted: [],
    edgeImage: wish.edge.image,
    findLogin: find,
    supplyEdge: supplyEdge(wish.edge.image, find),
    https,
    keys: errand.keys,
    alerts: errand.alerts,
    secured: !plan.stages.some(({ steps }) => steps.some((step) => step.kind === "certificate")),
    supplyKeeper: supplyKeeper(wish.keeper?.image ?? ""),
    startedAt,
    bytesSent: 0,
    subnet: seen.networks[networkOf(wish.release)],
    taken: takenOn(seen),
  };
  let servingMs: number | undefined;
  await carryOut(plan, performer(job), {
    ...context,
    emit: (news) => {
      if (news.type === "serving") servingMs = news.ms;
      context.emit(news);
    },
  });
  return {
    ...outcome,
    ...reachable(job.https === undefined || job.secured),
    bytesSent: job.bytesSent,
    accepted: job.accepted,
    ...(servingMs === undefined ? {} : { servingMs }),
  };
}
