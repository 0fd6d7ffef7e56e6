import type { Subject } from "../../contract/place.ts";
import type { Session } from "../../contract/session.ts";
import type { Target } from "../../contract/target.ts";
import type { Prepared } from "../../core/prepared.ts";
import type { Report } from "../../core/report.ts";
import { proveAlerts } from "./verbs/alerts.ts";
import { backUp } from "./verbs/backup.ts";
import { restore } from "./verbs/restore.ts";
import { prepareCleaning } from "./verbs/clean.ts";
import { attachProgram } from "./verbs/exec.ts";
import { factsOf, planSetUp, setUp } from "./verbs/hosts.ts";
import { findHandMade } from "./verbs/hand-made.ts";
import { inspect } from "./verbs/inspect.ts";
import { addKeyOn, keysOn, revokeKeyOn } from "./verbs/keys.ts";
import { besideLogs, readLogs } from "./verbs/logs.ts";
import { readMetrics, watchMetricsOn } from "./verbs/metrics.ts";
import { part } from "./options.ts";
import { liveRelease } from "./verbs/live-release.ts";
import { begin, type MachineWork, outcomeOf, planFor } from "./outcome.ts";
import { perform } from "./perform.ts";
import { placesOf } from "./places.ts";
import { reach } from "./verbs/reach.ts";
import { reachRelease } from "./verbs/reach-release.ts";
import { retireOn, remove } from "./verbs/remove.ts";
import { requestsOn, noteDrift } from "./verbs/requests.ts";
import { secretsOn } from "./verbs/secret-names.ts";
import { shadowOn, stopShadowOn } from "./verbs/shadow-kept.ts";
import { observe, type Sight } from "./sight.ts";
import { statusReport } from "./verbs/status-report.ts";
import type { MachineStep } from "./plan/steps.ts";
import { removeBeside, restartBeside } from "./replica/with.ts";
import { proof, trace } from "./trace/trace.ts";

/** Computers with sshd and Docker. */
export const machines: Target<Sight, MachineStep, MachineWork> = {
  ...part,
  way: "drayage",
  needs: "machine",
  places: placesOf,
  observe,
  plan: planFor,
  begin,
  perform,
  outcome: async (work, at, plan) => await Promise.resolve(outcomeOf(work, at, plan)),
  retire: retireOn,
  proof: async ({ manifest, place }, { address, secured }, session) =>
    await proof({ manifest, place, address, secured, headers: {} }, session),
  status: statusReport,
  logs: readLogs,
  trace,
  reach,
  remove: async (subject, session) => await Promise.resolve(prepareRemoval(subject, session)),
  can: {
    keys: { list: keysOn, add: addKeyOn, revoke: revokeKeyOn },
    promotion: { source: liveRelease },
    secrets: { list: secretsOn },
    metrics: { read: readMetrics, watch: watchMetricsOn },
    requests: { kept: requestsOn, noteDrift },
    releases: { reach: reachRelease },
    shadow: { report: shadowOn, stop: stopShadowOn },
    alerts: { test: proveAlerts },
    exec: { attach: attachProgram },
    with: { restart: restartBeside, remove: removeBeside, logs: besideLogs },
    inspect: { open: inspect },
    weights: true,
    hosts: { handMade: findHandMade, facts: factsOf, planSetUp, setUp, clean: prepareCleaning, backUp, restore },
  },
  lacks: {},
};

/** Nothing is asked of the machine before it is agreed to. */
function prepareRemoval(subject: Subject, session: Session): Prepared<Report> {
  const { service, place } = subject;
  const step = { kind: "remove", on: place.name, title: "route, containers, images" };
  return {
    plan: {
      service,
      release: "",
      stages: [{ title: "remove", steps: [step], onFailure: "stop" }],
      changes: [{ what: service, before: place.name }],
    },
    perform: async (context) => {
      const { edge } = await remove(subject, { ...session, ...context });
      const text = `${service} is gone from ${place.name}${edge ? ", and the edge with it" : ""}`;
      return { data: { machine: place.name, edge }, text: [text] };
    },
  };
}
