// A console over made-up services: as many machines, numbers and lines as are wanted, and nothing that has to be deployed.
import type { Desk } from "../../packages/console/src/server/desk.ts";
import { asFailure, Failure } from "../../packages/dray/src/base/failure.ts";
import {
  checkedOf,
  factsOf,
  KEYS,
  linesOf,
  metricsOf,
  planOf,
  RELEASES,
  type Show,
  statusOf,
  traceOf,
} from "./console-made.ts";
import { calledOf, driftedOf, keptOf, OFFERED, shadowedOf } from "./console-tried.ts";

/** A manifest of nothing: the verbs are made up. */
interface Made {
  service: string;
}

/** Names of so many machines. */
export function machineNames(count: number): string[] {
  return Array.from({ length: count }, (_each, index) => `eu-${String(index + 1).padStart(2, "0")}`);
}

/** A desk with a service for each name, each at all of the places; and what it shows. */
export function showDesk(
  names: readonly string[],
  places: readonly string[],
  mayChange: boolean = false,
): { desk: Desk<Made>; show: Show } {
  const show: Show = {
    live: new Map(places.map((place) => [place, RELEASES[2]])),
    dead: new Set(),
    fault: undefined,
    planted: [],
    tried: [],
    told: [],
  };
  const desk: Desk<Made> = {
    version: "0.1.0",
    mayChange,
    services: names.map((service) => ({
      service,
      file: `${service}/dray.yaml`,
      target: "made-up",
      manifest: { service },
      places: places.map((name) => ({ name, at: name })),
    })),
    told: (error) => {
      const { code, message, hint, details } = asFailure(error);
      return { code, message, hint, details };
    },
    open: ({ emit, signal }) => verbsOf(show, emit, signal),
  };
  return { desk, show };
}

type Opened = ReturnType<Desk<Made>["open"]>;

function verbsOf(show: Show, emit: (news: object) => void, signal: AbortSignal): Opened {
  const at = async <T>(only: string | undefined, make: (place: string) => T): Promise<T[]> => {
    const place = only ?? "";
    if (show.dead.has(place))
      throw new Failure("ssh.unreachable", `there is no answer from ${place} on port 22`, {
        hint: `is it on? ssh ops@${place}`,
      });
    return await Promise.resolve([make(place)]);
  };
  return {
    status: async ({ manifest, only }) => await at(only, (place) => statusOf(manifest.service, place, show)),
    metrics: async ({ only }, sinceS) => await at(only, (place) => metricsOf(place, sinceS, show)),
    trace: async ({ only }) => await at(only, (place) => traceOf(place, show)),
    check: async () => await Promise.resolve(checkedOf()),
    logs: async (_scope, _options, onLine) => {
      for (const line of linesOf(show)) onLine(line);
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    rollback: async ({ manifest, only }, { to, mode }) => {
      const place = only ?? "";
      const before = show.live.get(place) ?? "";
      const plan = planOf(manifest.service, place, before, to ?? "");
      if (mode !== "plan") {
        for (const step of plan.stages.flatMap(({ steps }) => steps)) {
          emit({ type: "step.started", step: step.kind, on: place, title: step.title });
          emit({ type: "step.done", step: step.kind, on: place, title: step.title, ms: 12 });
        }
        show.live.set(place, to ?? before);
      }
      return await Promise.resolve({ outcomes: [{ machine: place, release: to, plan }], traces: [] });
    },
    keys: {
      list: async ({ only }) => await at(only, (machine) => ({ machine, closed: true, keys: KEYS })),
      add: async () => await Promise.resolve("dk_made_up"),
      revoke: async () => await Promise.resolve([]),
    },
    runs: runsOf(show, signal),
    requests: {
      kept: async ({ only }) => (await at(only, keptOf)).flat(),
      drift: async ({ only }) => await at(only, driftedOf),
      offered: async () => await Promise.resolve(OFFERED),
      send: async (_scope, said, release) => {
        show.tried.push(`${said.method} ${said.path} ${JSON.stringify(said.carried)} to ${release ?? "the traffic"}`);
        return await Promise.resolve(calledOf(said, release));
      },
    },
    shadow: { report: async ({ only }) => await at(only, shadowedOf) },
    alerts: { test: async () => await Promise.resolve(["eu-01"]) },
    hosts: { facts: async ({ manifest, only }) => await at(only, (machine) => factsOf(machine, manifest.service)) },
  };
}

/** One run, which goes on for as long as somebody tells of it. */
function runsOf({ told }: Show, signal: AbortSignal): Opened["runs"] {
  const [began] = told;
  const run = { id: "20261130-154501-k3f9", verb: "deploy", service: "decisions", who: "olga", places: ["eu-01"] };
  const summary = { ...run, startedAt: began?.at, state: "running", ms: 0, releases: [] };
  return {
    list: async () => await Promise.resolve(began === undefined ? [] : [summary]),
    read: async () => await Promise.resolve({ ...summary, happenings: told }),
    follow: async function* follow() {
      for (let next = 0; !signal.aborted;) {
        yield* told.slice(next);
        next = told.length;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}
