import type { ShadowRollout } from "../../../core/shadow-rollout.ts";
import { hostOf, type ShadowReport } from "drayage-keeper";
import { sleep } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Undo } from "../../../core/carry-out.ts";
import type { Context } from "../../../core/context.ts";
import type { Edge } from "../../../edge/edge.ts";
import { readShadowReport } from "drayage-record";
import { type EdgeState, HOME } from "../../../edge/state.ts";
import type { Work, Started } from "../plan/work.ts";
import { edgeOf } from "../plan/observe.ts";

const LOOK_MS = 1000;
/** What was copied last may still be on its way through the release. */
const SETTLE_MS = 1500;

/** What the keeper counted for a service, of the shadow that runs or of the last one. */
export async function readReport(edge: Edge, service: string): Promise<ShadowReport | undefined> {
  return readShadowReport(await edge.run(`cat ${HOME}/shadow-${service}.json 2>/dev/null`));
}

/** Begins to copy requests to a release. Undone, nothing is copied any more. */
export async function beginShadow(
  work: Work,
  replicas: readonly Started[],
  { share, tolerance }: ShadowRollout,
): Promise<Undo> {
  const { release, site, who } = work;
  const { service, id, settings } = release;
  const edge = edgeOf(site);
  const servers = replicas.map(({ address, port }) => `http://${address}:${port}`);
  const host = hostOf(settings, site.machine.address);
  const wish = { release: id, servers, timeoutMs: settings.limits.timeoutMs, host, share, tolerance };
  const shadow = { release: id, share, containers: replicas.map((replica) => replica.container) };
  await edge.change(
    service,
    (state) => {
      const { keeper } = state;
      const known = state.services[service];
      if (keeper === undefined || known === undefined) throw new TypeError("a shadow needs a keeper and a release");
      return {
        ...state,
        keeper: { ...keeper, shadows: { ...keeper.shadows, [service]: wish } },
        services: { ...state.services, [service]: { ...known, shadow } },
      };
    },
    () => ({ at: new Date().toISOString(), who, service, release: id, shadow: share }),
  );
  return () => endShadow(edge, service, who);
}

/** Ends the copying, where there is any. */
export async function endShadow(edge: Edge, service: string, who: string): Promise<void> {
  if (edge.known.services[service]?.shadow === undefined) return;
  await edge.change(
    service,
    (state) => withoutShadow(state, service),
    () => ({ at: new Date().toISOString(), who, service, shadow: 0 }),
  );
}

/** The state in which no request of a service is copied. */
export function withoutShadow(state: EdgeState, service: string): EdgeState {
  const known = state.services[service];
  if (known === undefined) return state;
  const { [service]: _ended, ...shadows } = state.keeper?.shadows ?? {};
  const { shadow: _gone, ...rest } = known;
  return {
    ...state,
    ...(state.keeper === undefined ? {} : { keeper: { ...state.keeper, shadows } }),
    services: { ...state.services, [service]: rest },
  };
}

/**
 * Watches a shadow for its time. Resolves to a note for people.
 * @throws Failure release.rolled-back, when its answers differ too often, or it has none
 */
export async function watchShadow(work: Work, rollout: ShadowRollout, context: Context): Promise<string> {
  const { release, site, seen } = work;
  const edge = edgeOf(site);
  const end = performance.now() + (rollout.for ?? 0);
  for (;;) {
    const leftMs = Math.max(0, end - performance.now());
    await sleep(leftMs > 0 ? Math.min(LOOK_MS, leftMs) : SETTLE_MS, context.signal);
    const report = await readReport(edge, release.service);
    if (report?.release !== release.id) continue;
    context.emit({ type: "shadow", on: seen.machine, release: release.id, leftMs: Math.round(leftMs), report });
    judgeShadow(work, rollout, report);
    if (leftMs === 0) return shadowNote(report);
  }
}

function judgeShadow({ release, seen }: Work, { minAgreement, minimum }: ShadowRollout, report: ShadowReport): void {
  if (report.compared < minimum || report.agreement >= minAgreement) return;
  throw new Failure(
    "release.rolled-back",
    `${release.id} was asked copies of ${seen.machine}'s requests, and ${percent(1 - report.agreement)} of its answers differ`,
    {
      hint: "is the change wanted? rollout: {shadow: {minAgreement}} says how much of it; dray shadow report shows more",
      details: report.differences
        .slice(0, 5)
        .map((each) => `${each.at}: ${each.count} times, as ${each.example.live} became ${each.example.shadow}`),
    },
  );
}

/** One line about a shadow's answers. */
function shadowNote({ compared, agreement, live, shadow }: ShadowReport): string {
  return `${compared} answers compared, ${percent(agreement)} agree; p95 ${shadow.p95Ms} ms, the other ${live.p95Ms} ms`;
}

const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
