import type { Session } from "../../../contract/session.ts";
import type { Place } from "../../../contract/place.ts";
import type { Inspected } from "../../../contract/inside.ts";
import type { Inside } from "../../../contract/inside.ts";
import { readKept } from "./requests.ts";
import { asFailure } from "../../../base/failure.ts";
import { openEdge } from "../plan/observe.ts";
import { connect } from "../plan/site.ts";
import type { Context } from "../../../core/context.ts";
import { EDGE, KEEPER } from "../../../edge/edge.ts";
import { lastLines } from "../../../edge/log.ts";
import { keptOf, type ServiceState } from "../../../edge/state.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import type { Site } from "../plan/observe.ts";
import { wallStands } from "../container/wall.ts";
import { metricsOn } from "./metrics.ts";

const DAY_S = 86_400;

/** Opens a machine for `dray check`. @throws Failure ssh.*, docker.* */
export async function inspect(
  place: Place,
  what: { service?: string; container?: string },
  session: Session,
): Promise<Inside> {
  const machine = await connect(place, session);
  try {
    const edge = await openEdge(machine, session.signal);
    return await lookInside({ machine, edge }, what, session);
  } catch (error) {
    await machine[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks the machine everything that the questions need. */
async function lookInside(
  site: Site,
  { service, container }: { service?: string; container?: string },
  context: Context,
): Promise<Inside> {
  const { machine, edge } = site;
  const { engine } = machine;
  const { signal } = context;
  const state = await edge?.state();
  const known = service === undefined ? undefined : state?.services[service];
  const kept = known && keptOf(known, known.current);
  const names = container === undefined ? (kept?.replicas ?? []).map((each) => each.container) : [container];
  const [live, retired, edgeSeen, keeper, audit, metrics, walled, shell] = await Promise.all([
    inspectAll(engine, names, signal),
    retiredOf(engine, known, signal),
    inspectOne(engine, EDGE, signal),
    inspectOne(engine, KEEPER, signal),
    edge?.audit() ?? [],
    metricsOr(site, service, context),
    wallStands(engine, signal),
    askShell(machine, signal),
  ]);
  const byHand = container !== undefined;
  return {
    machine: machine.name,
    address: machine.address,
    live,
    retired,
    edge: byHand ? undefined : edgeSeen,
    keeper: byHand ? undefined : keeper,
    state: byHand ? undefined : state,
    service: known,
    kept,
    audit,
    ...metrics,
    logged: async (id) => {
      // The log comes in the wake of the answer.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const said = (await edge?.run(lastLines(1000))) ?? "";
      return said.split("\n").filter((line) => line.includes(id));
    },
    walled,
    ...shell,
    requestLog: kept?.release.settings.requests === undefined ? undefined : await requestLog(site, known, audit),
    [Symbol.asyncDispose]: async () => await machine[Symbol.asyncDispose](),
  };
}

async function inspectOne(engine: Engine, name: string, signal: AbortSignal): Promise<Inspected | undefined> {
  try {
    return await engine.get<Inspected>(`/containers/${encodeURIComponent(name)}/json`, { signal });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function inspectAll(engine: Engine, names: readonly string[], signal: AbortSignal): Promise<Inspected[]> {
  const found = await Promise.all(names.map((name) => inspectOne(engine, name, signal)));
  return found.flatMap((each) => each ?? []);
}

async function retiredOf(engine: Engine, known: ServiceState | undefined, signal: AbortSignal): Promise<Inspected[]> {
  const old = (known?.releases ?? []).filter((each) => each.release.id !== known?.current);
  return await inspectAll(
    engine,
    old.flatMap((each) => each.replicas.map((replica) => replica.container)),
    signal,
  );
}

async function metricsOr(
  site: Site,
  service: string | undefined,
  context: Context,
): Promise<Pick<Inside, "metrics" | "unmeasured">> {
  if (service === undefined || site.edge === undefined) return { metrics: undefined };
  try {
    return { metrics: await metricsOn(site, service, DAY_S, context) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { metrics: undefined, unmeasured: asFailure(error).message };
  }
}

/** One `key=value` a line. */
const ASKED = [
  "echo \"listen=$(ss -Hltn 2>/dev/null | sed 's/  */ /g' | cut -d' ' -f4 | grep -vE '^(127\\.|\\[::1\\])' | sort -u | tr '\\n' ' ')\"",
  'echo "ss=$(command -v ss)"',
  "echo \"disk=$(df -Pk /var/lib/docker /var/lib 2>/dev/null | sed -n 2p | tr -s ' ' | cut -d' ' -f5)\"",
  'echo "boot=$(test -d /run/systemd/system && systemctl is-enabled docker 2>/dev/null)"',
  "echo \"metadata=$(timeout 2 bash -c 'exec 3<>/dev/tcp/169.254.169.254/80' 2>/dev/null && echo yes)\"",
  "echo \"logins=$(grep -oE '\"[^\" ]+\": *\\{ *\"auth\"' ~/.docker/config.json 2>/dev/null | cut -d'\"' -f2 | tr '\\n' ' ')\"",
].join("; ");

async function askShell(
  machine: Machine,
  signal: AbortSignal,
): Promise<Pick<Inside, "listeners" | "disk" | "dockerAtBoot" | "logins" | "metadata">> {
  const ended = await machine.run(["sh", "-c", ASKED], { signal }).catch(() => undefined);
  // A shell that printed something else, or nothing, was not asked.
  if (ended === undefined || !ended.stdout.includes("logins="))
    return {
      listeners: undefined,
      disk: undefined,
      dockerAtBoot: undefined,
      logins: undefined,
      metadata: undefined,
    };
  const fact = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(ended.stdout)?.[1]?.trim() ?? "";
  const words = (key: string): string[] =>
    fact(key)
      .split(" ")
      .filter((word) => word !== "");
  const used = Number(fact("disk").replace("%", ""));
  const boot = fact("boot");
  return {
    listeners: fact("ss") === "" ? undefined : words("listen"),
    disk: fact("disk") === "" || Number.isNaN(used) ? undefined : used / 100,
    dockerAtBoot: boot === "" ? undefined : boot.startsWith("enabled"),
    logins: words("logins"),
    metadata: fact("metadata") === "yes",
  };
}

async function requestLog(
  site: Site,
  known: ServiceState | undefined,
  audit: readonly Record<string, unknown>[],
): Promise<Inside["requestLog"]> {
  if (known === undefined) return undefined;
  const looked = audit.findLast((each) => each["service"] === known.service && "drift" in each);
  const kept = (await readKept(site, known.service)).length;
  return { kept, ...(looked === undefined ? {} : { driftAt: String(looked["at"]) }) };
}
