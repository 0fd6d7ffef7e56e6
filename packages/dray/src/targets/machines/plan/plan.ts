import { Failure } from "../../../base/failure.ts";
import type { Change, Plan, Stage } from "../../../core/plan.ts";
import type { Release, Settings } from "../../../core/release.ts";
import { keptOf } from "../../../edge/state.ts";
import {
  alertSteps,
  beforeSteps,
  certificateSteps,
  edgeSteps,
  keeperSteps,
  moveSteps,
  networkSteps,
  secretSteps,
  wallSteps,
  weightSteps,
} from "./keeper-steps.ts";
import { callersBeforeAndAfter } from "./callers.ts";
import type { Seen } from "./observe.ts";
import { withNotes, withSteps } from "./with-plan.ts";
import type { MachineStep, Wish } from "./steps.ts";

/** An unpacked image needs about this much of its compressed size while it arrives (facts/docker-ssh.md, section 4). */
const DISK_FACTOR = 2.5;

/** Decides what to do on one machine; touches nothing. @throws Failure where it cannot go well */
export function planDeploy(wish: Wish, seen: Seen): Plan<MachineStep> {
  const { release } = wish;
  const on = seen.machine;
  check(wish, seen);
  const { canary, bake } = trials(wish, seen);
  return {
    service: release.service,
    release: release.id,
    changes: changes(wish, seen),
    ...notes(wish, seen),
    stages: [
      stage("prepare", edgeSteps(wish, seen)),
      stage("keeper", wish.keeper?.first === true ? keeperSteps(wish, seen) : []),
      // Without a certificate the endpoint is still one: it is said, and the keeper goes on trying.
      stage("certificate", certificateSteps(wish, seen), "warn"),
      stage("carry", [{ kind: "lock", on, title: "take the lock" }, ...carrySteps(wish, seen)]),
      // Before anything of the old release is touched: it may take an hour.
      ...weightSteps(wish, seen).map((step) => stage("weights", [step])),
      // Under the lock: nobody else makes a network for this service.
      stage("network", networkSteps(wish, seen)),
      stage("move", moveSteps(seen), "warn"),
      // A machine that cannot be closed still serves: it is said, and dray check says it again.
      stage("metadata", wallSteps(wish, seen), "warn"),
      stage("secrets", secretSteps(wish, seen)),
      stage("with", withSteps(wish, seen)),
      // Whatever it takes, the old release serves meanwhile, also where it has to stop first.
      stage("before", beforeSteps(wish, seen)),
      stage("stop", stopFirst(wish, seen)),
      stage("start", startSteps(wish, seen)),
      stage("prove", proveSteps(wish, seen)),
      stage("shadow", shadowSteps(wish, seen)),
      ...canary.map((step) => stage("canary", [step])),
      stage(
        "switch",
        wish.shadow === undefined ? [{ kind: "switch", on, title: `give the traffic to ${release.id}` }] : [],
      ),
      ...bake.map((step) => stage("bake", [step])),
      // Who serves already needs no numbers for that.
      stage("beside", wish.keeper?.first === false ? keeperSteps(wish, seen) : [], "warn"),
      stage("alerts", alertSteps(wish, seen), "warn"),
      stage("unlock", [{ kind: "unlock", on, title: "release the lock" }], "warn"),
    ].filter((each) => each.steps.length > 0),
  };
}

function stage(title: string, steps: MachineStep[], onFailure: "undo" | "warn" = "undo"): Stage<MachineStep> {
  return { title, steps, onFailure };
}

function carrySteps({ again, source }: Wish, { machine: on }: Seen): MachineStep[] {
  if (again || source.via === "here") return [];
  return [{ kind: "carry", on, title: source.via === "direct" ? "carry the image" : "pull the image", source }];
}

function startSteps({ release, again }: Wish, { machine: on }: Seen): MachineStep[] {
  return eachReplica(release, (replica, named) => ({
    kind: "start",
    on,
    title: `start ${release.id}${named}`,
    replica,
    again,
  }));
}

function proveSteps({ release }: Wish, { machine: on }: Seen): MachineStep[] {
  return eachReplica(release, (replica, named) => ({ kind: "prove", on, title: `ready and proved${named}`, replica }));
}

/** A step for each replica, which is named only where there are several. */
function eachReplica(release: Release, step: (replica: number, named: string) => MachineStep): MachineStep[] {
  const { replicas } = release.settings;
  return Array.from({ length: replicas }, (_, index) => step(index, replicas === 1 ? "" : ` (replica ${index + 1})`));
}

/** Where both do not fit: for as long as the new release takes to become ready, nobody answers. */
function stopFirst({ release, rollout }: Wish, seen: Seen): MachineStep[] {
  const service = seen.state.services[release.service];
  const current = service && keptOf(service, service.current);
  if (rollout?.order !== "stop-first" || current === undefined || current.release.id === release.id) return [];
  const containers = current.replicas.map((replica) => replica.container);
  return [
    {
      kind: "stop-old",
      on: seen.machine,
      title: `stop ${current.release.id}: nobody serves until the switch`,
      containers,
    },
  ];
}

/** A first release has nobody whose requests could be copied. */
function shadowSteps(wish: Wish, seen: Seen): MachineStep[] {
  const { release } = wish;
  const shadow = wish.shadow ?? wish.rollout?.shadow;
  const current = seen.state.services[release.service]?.current;
  if (shadow === undefined || current === undefined || current === release.id) return [];
  const title = `copies of ${shadow.share} % of the requests to ${release.id}`;
  return [{ kind: "shadow", on: seen.machine, title, shadow }];
}

/** A first release has nobody to share the traffic with. */
function trials({ release, rollout }: Wish, seen: Seen): { canary: MachineStep[]; bake: MachineStep[] } {
  const on = seen.machine;
  if (rollout === undefined) return { canary: [], bake: [] };
  const current = seen.state.services[release.service]?.current;
  const shares = current === undefined || current === release.id ? [] : rollout.canary;
  const { bake: ms } = rollout;
  return {
    canary: shares.map((share) => ({
      kind: "canary",
      on,
      title: `${share} % of the traffic to ${release.id}`,
      share,
      rollout,
    })),
    bake: ms === undefined ? [] : [{ kind: "bake", on, title: `watch ${release.id}`, ms, rollout }],
  };
}

function check(wish: Wish, seen: Seen): void {
  const { release, source } = wish;
  if (seen.portHolder !== undefined) {
    throw new Failure("machine.port-taken", `port ${wish.edge.port} of ${seen.machine} is taken: ${seen.portHolder}`, {
      hint: handOver(seen.portHolder),
    });
  }
  const rival = Object.values(seen.state.services).find(
    ({ service, domain, prefix }) =>
      service !== release.service && domain === release.settings.domain && prefix === release.settings.prefix,
  );
  if (rival !== undefined) {
    throw new Failure(
      "service.route-taken",
      `${rival.service} answers to ${rival.domain ?? "every name"}${rival.prefix ?? ""} on ${seen.machine} already`,
      {
        hint: "give one of them a domain: or a prefix: of its own in its manifest",
      },
    );
  }
  checkRoom(wish, seen);
  const image = (source.via === "direct" || source.via === "pull" ? (source.bytes ?? 0) : 0) * DISK_FACTOR;
  const weights = Object.values(wish.weightBytes ?? {}).reduce((sum, bytes) => sum + bytes, 0);
  if (seen.freeBytes !== undefined && seen.freeBytes < image + weights) {
    const [need, free] = [Math.ceil((image + weights) / 1e6), Math.floor(seen.freeBytes / 1e6)];
    const coming =
      weights === 0
        ? `the image needs about ${need} MB while it arrives`
        : `${image === 0 ? "the weights" : "image and weights"} need about ${need} MB`;
    throw new Failure("machine.disk-full", `${seen.machine} has ${free} MB of free disk; ${coming}`, {
      hint: `look at what is there: ssh ${seen.machine} docker system df; fewer kept releases: keep: 2`,
    });
  }
}

/** A published port has one owner: it goes from one container to the next with a gap, which is said beforehand. */
function handOver(holder: string): string {
  const [, container] = /^the container (\S+)$/.exec(holder) ?? [];
  if (container === undefined) return "stop what holds it, or give the edge another port: edge: {port: 8080}";
  return (
    `without a gap: edge: {port: 8080} serves beside it; move the callers, then docker stop ${container}. ` +
    `With one: docker stop ${container}, then dray deploy; nobody serves for as long as the first release takes to start and to be proved`
  );
}

/** Old and new run side by side for a while: do they fit? @throws Failure machine.no-room */
function checkRoom({ release, rollout, again }: Wish, seen: Seen): void {
  const service = seen.state.services[release.service];
  const current = service && keptOf(service, service.current)?.release;
  if (again || (rollout?.order === "stop-first" && current !== undefined)) return;
  const { replicas, limits } = release.settings;
  const beside = current === undefined ? "" : ` beside ${current.id}`;
  const refuse = (what: string): never => {
    throw new Failure("machine.no-room", `${release.id} does not fit on ${seen.machine}${beside}: ${what}`, {
      hint:
        current === undefined
          ? "a larger machine, fewer replicas, or a lower limit"
          : "rollout: {order: stop-first} ends the old release first; then nobody serves for as long as the new one takes to become ready",
    });
  };
  const needed = (limits.memory ?? 0) * replicas;
  if (seen.freeMemory !== undefined && needed > seen.freeMemory) {
    const [need, free] = [needed, seen.freeMemory].map((bytes) => Math.round(bytes / 1024 ** 2));
    refuse(`it may use ${need} MiB of memory, and ${free} MiB are free`);
  }
  const cards =
    (limits.gpus ?? 0) * replicas + (current?.settings.limits.gpus ?? 0) * (current?.settings.replicas ?? 0);
  if (seen.gpus !== undefined && cards > seen.gpus)
    refuse(`together they need ${cards} GPUs, and there are ${seen.gpus}`);
}

/** What people should know before they say yes. */
function notes(wish: Wish, seen: Seen): { notes?: string[] } {
  const all = [...colleague(wish, seen), ...writers(wish, seen), ...withNotes(wish, seen)];
  return all.length === 0 ? {} : { notes: all };
}

/** Somebody else's release serves: its maker may not have told anybody of it yet. */
function colleague({ release, again }: Wish, seen: Seen): string[] {
  const service = seen.state.services[release.service];
  const live = service === undefined ? undefined : keptOf(service, service.current)?.release;
  if (again || live === undefined || live.from.who === release.from.who) return [];
  const { who, at, commit, dirty } = live.from;
  const source = commit === undefined ? "" : `, commit ${commit}${dirty === true ? " with changes" : ""}`;
  const ours = release.from.commit === undefined ? "" : `; yours is commit ${release.from.commit}`;
  return [`this replaces ${live.id} of ${who}, made ${at.slice(0, 16).replace("T", " ")} UTC${source}${ours}`];
}

/** Files that two releases may write at once: only the program's maker knows whether it can share them. */
function writers({ release, rollout }: Wish, seen: Seen): string[] {
  const written = Object.entries(release.settings.run?.volumes ?? {}).filter(([, volume]) => volume.write === true);
  const [[name] = []] = written;
  const current = seen.state.services[release.service]?.current;
  if (name === undefined) return [];
  if (release.settings.replicas === 1 && (current === undefined || rollout?.order === "stop-first")) return [];
  const who = release.settings.replicas > 1 ? "several replicas" : `${release.id} and ${current}, for a while,`;
  return [
    `${who} may write to the volume ${name} at the same time; where the program cannot share it: rollout: {order: stop-first}${release.settings.replicas > 1 ? " and replicas: 1" : ""}`,
  ];
}

/** What would be different after a release, for people. */
function changes({ release, keys }: Wish, seen: Seen): Change[] {
  const service = seen.state.services[release.service];
  const before = service === undefined ? undefined : keptOf(service, service.current)?.release;
  const rows: [string, string | undefined, string | undefined][] = [
    ["release", before?.id, release.id],
    [
      "image",
      before && `${before.image} ${before.digest.slice(7, 19)}`,
      `${release.image} ${release.digest.slice(7, 19)}`,
    ],
    ["callers", ...callersBeforeAndAfter(service, keys)],
    ...settingRows(before?.settings, release.settings),
  ];
  return rows
    .filter(([, old, next]) => old !== next)
    .map(([what, old, next]) => ({
      what,
      ...(old === undefined ? {} : { before: old }),
      ...(next === undefined ? {} : { after: next }),
    }));
}

function settingRows(
  before: Settings | undefined,
  after: Settings,
): [string, string | undefined, string | undefined][] {
  const flat = (settings: Settings | undefined): Map<string, string> => {
    const { limits, env, weights, ...rest }: Partial<Settings> = settings ?? {};
    return new Map([
      ...entries(rest, ""),
      ...entries(limits ?? {}, "limits."),
      ...Object.entries(weights ?? {}).map(([key, { from, id, at }]): [string, string] => [
        `weights.${key}`,
        `${from} (${id.slice(0, 12)}) at ${at}`,
      ]),
      // Values of env may be private; that they changed is enough.
      ...Object.entries(env ?? {}).map(([key, value]): [string, string] => [
        `env.${key}`,
        `${value.length} characters`,
      ]),
    ]);
  };
  const [old, next] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...next.keys()])].map((key) => [key, old.get(key), next.get(key)]);
}

function entries(of: object, prefix: string): [string, string][] {
  return Object.entries(of)
    .filter(([, value]) => value !== undefined && JSON.stringify(value) !== "[]")
    .map(([key, value]) => [prefix + key, typeof value === "string" ? value : JSON.stringify(value)]);
}
