import pLimit from "p-limit";
import { asFailure, Failure } from "../../base/failure.ts";
import { Secret } from "../../base/secret.ts";
import type { Order, Outcome, Want } from "../../contract/order.ts";
import type { Place } from "../../contract/place.ts";
import type { AnyTarget, VerbSession } from "../../contract/target.ts";
import { carryOut } from "../../core/carry-out.ts";
import type { Golden } from "../../core/golden.ts";
import { numbered } from "../../core/plan.ts";
import type { ShadowRollout } from "../../core/shadow-rollout.ts";
import type { Trace } from "../../core/trace.ts";
import { writtenPayload } from "../../core/payload.ts";
import { loadGolden, saveGolden } from "../../manifest/golden.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { withSecrets } from "../../manifest/secrets.ts";
import { alertOf } from "../watch/alert.ts";
import { onEach } from "../fleet/fleet.ts";
import { withHooks } from "./hooks.ts";
import { type How, orderOf } from "./order.ts";
import { abilityOf, type Scope, targetOf } from "../fleet/places.ts";
import { retireAt, type RetireLater } from "./retire.ts";
import { nameBreak } from "../reach/trace.ts";

export interface DeployOptions extends Omit<How, "consent"> {
  /** Shown what would be done at a place before anything is changed there; false stops. */
  confirm?: (planned: Outcome) => Promise<boolean>;
  /**
   * Takes over what has no traffic any more, to retire it in its own time (`retire`). Left out, the verb waits until the
   * old release has ended.
   */
  retireLater?: RetireLater;
}

/** What a verb did everywhere. */
export interface Deployed {
  outcomes: Outcome[];
  /** The way from here to each place's model, walked: the proof. */
  traces: Trace[];
  /** The file that has new golden answers now, where changed ones were taken over. */
  goldenFile?: string;
}

/**
 * Makes a release of what the manifest names, gives it the traffic everywhere, proves it, and retires the old one. The
 * old release serves until the new one is proved; a failure before that changes nothing for clients.
 * @throws Failure
 */
export async function deploy(scope: Scope, options: DeployOptions, session: VerbSession): Promise<Deployed> {
  const { manifest } = scope;
  const hooks = { manifest, verb: "deploy", mode: options.mode } as const;
  return await withHooks(hooks, session, async () => {
    try {
      return await carryOutWant(scope, { verb: "deploy" }, options, session);
    } catch (error) {
      if (targetOf(manifest, session).can.alerts !== undefined) await alertOf(manifest, error, session);
      throw await nameBreak(scope, error, session);
    }
  });
}

/** Gives the traffic back to a release that is kept: the one before, or the one named. @throws Failure */
export async function rollback(
  scope: Scope,
  to: string | undefined,
  options: DeployOptions,
  session: VerbSession,
): Promise<Deployed> {
  const want: Want = { verb: "rollback", ...(to === undefined ? {} : { to }) };
  const hooks = { manifest: scope.manifest, verb: "rollback", mode: options.mode } as const;
  return await withHooks(hooks, session, () => carryOutWant(scope, want, options, session));
}

/** Sends a release copies of requests; the traffic stays where it is. @throws Failure target.unsupported */
export async function startShadow(scope: Scope, shadow: ShadowRollout, session: VerbSession): Promise<Outcome[]> {
  abilityOf("shadow", scope.manifest, session);
  return (await carryOutWant(scope, { verb: "deploy" }, { rollout: shadow }, session)).outcomes;
}

/**
 * Gives a secret a new value: the live release is started anew beside itself with it, proved, and gets the traffic, one
 * place after the other. Nobody's request is lost; where the new value does not work, the old one stays.
 * @throws Failure secrets.unknown, target.unsupported
 */
export async function setSecret(
  scope: Scope,
  { name, value }: { name: string; value: string },
  options: DeployOptions,
  session: VerbSession,
): Promise<Outcome[]> {
  abilityOf("secrets", scope.manifest, session);
  const secrets = new Map([...session.secrets, [name, new Secret(value)] as const]);
  const want: Want = { verb: "rotate", secret: name };
  return (await carryOutWant(scope, want, options, { ...session, secrets })).outcomes;
}

/** A want on its way. */
interface Course {
  want: Want;
  target: AnyTarget;
  order: Order;
  places: readonly Place[];
  options: DeployOptions;
}

async function carryOutWant(
  { manifest, only }: Scope,
  want: Want,
  options: DeployOptions,
  session: VerbSession,
): Promise<Deployed> {
  const target = targetOf(manifest, session);
  if (want.verb === "deploy" && Object.keys(manifest.weights ?? {}).length > 0) abilityOf("weights", manifest, session);
  const places = target.places(manifest, only);
  // A plan needs to know that there are secrets, and the value of none.
  const needsSecrets = want.verb === "deploy" && options.mode !== "plan" && target.can.secrets !== undefined;
  const equipped = needsSecrets ? await withSecrets(manifest, session) : session;
  const consent = options.confirm === undefined ? "given" : "asked";
  const order = await orderOf({ manifest, want }, target, { ...options, consent }, equipped);
  const course: Course = { want, target, order, places, options };
  const outcomes = await everywhere(course, equipped);
  if (order.mode === "plan") return { outcomes, traces: [] };
  const goldenFile = await takeOver(manifest, outcomes);
  await retireDone(course, left(places, outcomes), equipped);
  const traces = isProved(course) ? await proofs(course, outcomes, equipped) : [];
  return { outcomes, traces, ...(goldenFile === undefined ? {} : { goldenFile }) };
}

/** Copies answer nobody, and a rotated secret leads the same way as before. */
function isProved({ want, order }: Course): boolean {
  return want.verb !== "rotate" && typeof order.rollout !== "object";
}

/** Carries the order out at each place; where that was done the old release is retired, also when another place failed. */
async function everywhere(course: Course, session: VerbSession): Promise<Outcome[]> {
  const { places } = course;
  const done: Place[] = [];
  const asking = pLimit(1);
  const act = async (place: Place): Promise<Outcome> => {
    const outcome = await carryOutAt(place, course, asking, session);
    done.push(...left([place], [outcome]));
    return outcome;
  };
  const failed = async (error: unknown): Promise<never> => {
    const told = (problem: unknown): void => session.emit({ type: "warning", text: asFailure(problem).message });
    if (!session.signal.aborted) await retireDone(course, done, session).catch(told);
    throw error;
  };
  return await onEach(places, atOnce(course), act, isOnTrial(course) ? "stop" : "go-on").catch(failed);
}

/** Places where something may have been left that has no traffic any more. */
function left(places: readonly Place[], outcomes: readonly Outcome[]): Place[] {
  const clean = new Set(outcomes.filter(({ leaves }) => leaves === "nothing").map(({ machine }) => machine));
  return places.filter(({ name }) => !clean.has(name));
}

/** Ends what has no traffic any more, where the order was carried out. A release that gets copies only has replaced none. */
async function retireDone(course: Course, places: readonly Place[], session: VerbSession): Promise<void> {
  const { target, order, options } = course;
  if (order.mode === "plan" || typeof order.rollout === "object") return;
  await retireAt({ target, places, manifest: order.manifest }, options.retireLater, session);
}

/** A release on trial is judged at one place before the next one gets it. */
function isOnTrial({ want, order }: Course): boolean {
  const { canary, bake, shadow } = order.manifest.rollout;
  const watched = canary.length > 0 || bake !== undefined || shadow !== undefined;
  return want.verb === "deploy" && order.rollout !== "at-once" && watched;
}

function atOnce(course: Course): number {
  return isOnTrial(course) || course.want.verb === "rotate" ? 1 : course.order.manifest.atOnce;
}

async function carryOutAt(
  place: Place,
  { target, order, options }: Course,
  asking: (question: () => Promise<boolean>) => Promise<boolean>,
  session: VerbSession,
): Promise<Outcome> {
  await using observed = await target.observe(place, order, session);
  const plan = numbered(target.plan(order, observed.seen));
  session.emit({ type: "planned", plan });
  const work = target.begin(order, observed.seen, session);
  const planned = await target.outcome(work, "planned", plan, session);
  if (order.mode === "plan") return planned;
  const { confirm } = options;
  // Several places ask at once; a person answers one question at a time.
  if (confirm !== undefined && !(await asking(() => confirm(planned))))
    throw new Failure("usage.declined", "not confirmed; nothing was changed");
  let servingMs: number | undefined;
  const listening: VerbSession = {
    ...session,
    emit: (news) => {
      if (news.type === "serving") servingMs = news.ms;
      session.emit(news);
    },
  };
  await carryOut(plan, (step, inner) => target.perform(step, work, inner), listening, target.undoMs);
  const outcome = await target.outcome(work, "done", plan, session);
  return { ...outcome, ...(servingMs === undefined ? {} : { servingMs }) };
}

/** Golden answers that were accepted go into their file: the next release is held to them. */
async function takeOver(manifest: Manifest, outcomes: readonly Outcome[]): Promise<string | undefined> {
  const accepted = outcomes.flatMap((outcome) => outcome.accepted);
  if (accepted.length === 0) return undefined;
  const key = (golden: Golden): string => JSON.stringify(writtenPayload(golden.request));
  const news = new Map(accepted.map((golden) => [key(golden), golden]));
  const known = await loadGolden(manifest);
  return await saveGolden(
    manifest,
    known.map((golden) => news.get(key(golden)) ?? golden),
  );
}

/** The way from here to each place's model, walked. What is wrong with it is told, and does not undo the deploy. */
async function proofs(
  { target, places, order }: Course,
  outcomes: readonly Outcome[],
  session: VerbSession,
): Promise<Trace[]> {
  const { manifest } = order;
  const walked = outcomes.map(async (outcome) => {
    const place = places.find(({ name }) => name === outcome.machine);
    if (place === undefined) return undefined;
    return await target.proof?.({ service: manifest.service, manifest, place }, outcome, session);
  });
  return (await Promise.all(walked)).filter((trace) => trace !== undefined);
}
