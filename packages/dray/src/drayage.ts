import type { Manifest } from "./manifest/schema.ts";
import type { Access, BackedUp, Cleaned, HostFacts, LogOptions, SetUp, ShadowFound } from "./contract/answers.ts";
import type { Called } from "./core/call.ts";
import type { InRegistry, Outcome } from "./contract/order.ts";
import type { Place } from "./contract/place.ts";
import type { Reached } from "./contract/reached.ts";
import type { TraceWanted, VerbSession } from "./contract/target.ts";
import type { Checked } from "./core/check.ts";
import type { Drifted } from "./core/drift.ts";
import type { HandMade } from "./core/hand-made.ts";
import type { KeptRequest } from "./core/kept-request.ts";
import type { MachineMetrics } from "./core/metrics.ts";
import type { Offered } from "./core/offered.ts";
import type { Release } from "./core/release.ts";
import type { Report } from "./core/report.ts";
import type { Happening } from "./core/happening.ts";
import type { RunSummary, RunVerb } from "./core/run.ts";
import type { ShadowRollout } from "./core/shadow-rollout.ts";
import type { Trace } from "./core/trace.ts";
import { testAlerts } from "./flows/watch/test-alerts.ts";
import { check, type CheckWanted } from "./flows/check/check.ts";
import { measure, type Measured, nodeTypeOf } from "./flows/reach/compare.ts";
import { deploy, type Deployed, type DeployOptions, rollback, setSecret, startShadow } from "./flows/release/deploy.ts";
import { exec } from "./flows/watch/exec.ts";
import {
  type BackupFile,
  type BackupOptions,
  backUpHosts,
  restoreHost,
  type RestoreOptions,
} from "./flows/fleet/backup.ts";
import { cleanHosts, type CleanOptions, handMade, hostFacts, setUpHosts, type Whose } from "./flows/fleet/hosts.ts";
import { addKey, listKeys, revokeKey } from "./flows/access/keys.ts";
import { type LogLine, logs } from "./flows/watch/logs.ts";
import { metrics, watchMetrics } from "./flows/watch/metrics.ts";
import type { Scope } from "./flows/fleet/places.ts";
import { promote, type Promotion } from "./flows/release/promote.ts";
import { buildAndPush } from "./flows/release/push.ts";
import { remove, type RemoveOptions } from "./flows/release/remove.ts";
import { offeredRequest, reachOneRelease, reachService, type RequestSaid, sendRequest } from "./flows/reach/request.ts";
import { drift, keptRequests } from "./flows/watch/requests.ts";
import { type Left, retire } from "./flows/release/retire.ts";
import { aboutHosts, aboutService, resultOf } from "./flows/fleet/about.ts";
import { followRun, type KeptRun, listRuns, readRun } from "./flows/runs/kept.ts";
import { type Doing, inRun } from "./flows/runs/run.ts";
import { listSecrets, type SecretsAt } from "./flows/access/secrets.ts";
import { openSession } from "./flows/runs/session.ts";
import { shadowReport, stopShadow } from "./flows/watch/shadow.ts";
import { status } from "./flows/watch/status.ts";
import { trace, traceByHand, type TraceRequest } from "./flows/reach/trace.ts";
import { logsWith, removeWith, restartWith } from "./flows/watch/with.ts";

/**
 * Every verb of `dray`, for programs. A scope says which manifest's service, and at which of its places. Verbs that change
 * something are runs: what they tell carries the run's id, and the journal on this computer has it (`runs`).
 *
 *     const dray = new Drayage({ emit: (news) => console.log(news.type) });
 *     const { outcomes } = await dray.deploy({ manifest: await loadManifest("dray.yaml") });
 */
export class Drayage {
  readonly session: VerbSession;

  /** What is given replaces the usual: a signal that stops, who is told of news, the values of secrets. */
  constructor(given: Partial<VerbSession> = {}) {
    this.session = openSession(given);
  }

  /** Builds, plans, carries out, proves, and retires the old release. @throws Failure */
  async deploy(scope: Scope, options: DeployOptions = {}): Promise<Deployed> {
    const act = (session: VerbSession): Promise<Deployed> => deploy(scope, options, session);
    if (options.mode === "plan") return await act(this.session);
    return await this.#run({ verb: "deploy" }, scope, { act, result: shown });
  }

  /** What a deploy would change and do; changes nothing. @throws Failure */
  async plan(scope: Scope, options: Omit<DeployOptions, "mode" | "confirm"> = {}): Promise<Outcome[]> {
    return (await deploy(scope, { ...options, mode: "plan" }, this.session)).outcomes;
  }

  /** Gives the traffic back to the release before, or to the one that is named. @throws Failure release.none-before, release.unknown */
  async rollback(scope: Scope, options: DeployOptions & { to?: string | undefined } = {}): Promise<Deployed> {
    const act = (session: VerbSession): Promise<Deployed> => rollback(scope, options.to, options, session);
    if (options.mode === "plan") return await act(this.session);
    return await this.#run({ verb: "rollback", what: options.to }, scope, { act, result: shown });
  }

  /** Deploys the image that serves in one environment to another: the same digest. @throws Failure promote.* */
  async promote(promotion: Promotion, options: DeployOptions = {}): Promise<Deployed & { promoted: Release }> {
    const act = (session: VerbSession): Promise<Deployed & { promoted: Release }> =>
      promote(promotion, options, session);
    if (options.mode === "plan") return await act(this.session);
    const { environment, service } = promotion.from.manifest;
    return await this.#run({ verb: "promote", what: environment ?? service }, promotion.to, { act, result: shown });
  }

  /** Ends what a deploy left for later (`DeployOptions.retireLater`). @throws Failure */
  async retire(left: Left): Promise<void> {
    const { target, service, place } = left;
    const about = { verb: "retire" as const, target, service, places: [place.name] };
    await inRun(about, { act: (session) => retire(left, session) }, this.session);
  }

  /** Takes the service away, with everything that was made for it. @throws Failure service.unknown, usage.declined */
  async remove(scope: Scope, options: RemoveOptions = {}): Promise<Report[]> {
    return await this.#run({ verb: "remove" }, scope, { act: (session) => remove(scope, options, session) });
  }

  /** Makes the image and puts it into a registry. @throws Failure registry.*, image.* */
  async push(
    scope: Scope,
    options: { to?: string | undefined; tag: string; architecture: string },
  ): Promise<InRegistry> {
    const act = (session: VerbSession): Promise<InRegistry> => buildAndPush(scope.manifest, options, session);
    return await this.#run({ verb: "push", what: options.to }, scope, { act });
  }

  /** What runs, at each place. */
  async status(scope: Scope, what: "service" | "all" = "service"): Promise<Report[]> {
    return await status(scope, what, this.session);
  }

  /** Hands over log lines of the replicas or of the edge, each with where it is from. @throws Failure service.unknown */
  async logs(scope: Scope, options: LogOptions, onLine: (line: LogLine) => void): Promise<void> {
    await logs(scope, options, onLine, this.session);
  }

  /** What the endpoint did at each place since so many seconds. @throws Failure keeper.none, target.unsupported */
  async metrics(scope: Scope, sinceS: number): Promise<MachineMetrics[]> {
    return await metrics(scope, sinceS, this.session);
  }

  /** The same again and again, until the session's signal. */
  async watchMetrics(
    scope: Scope,
    how: { sinceS: number; everyMs: number; onMetrics: (found: MachineMetrics) => void },
  ): Promise<void> {
    await watchMetrics(scope, how, this.session);
  }

  /** The way from here to the model at each place, hop by hop. @throws Failure usage.invalid */
  async trace(scope: Scope, request: TraceRequest = { headers: {} }): Promise<Trace[]> {
    return await trace(scope, request, this.session);
  }

  /** The way to a container that was started by hand, or to a bare address. @throws Failure usage.invalid */
  async traceByHand(wanted: TraceWanted): Promise<Trace> {
    return await traceByHand(wanted, this.session);
  }

  /** May it be called production? */
  async check(wanted: CheckWanted): Promise<Checked> {
    return await check(wanted, this.session);
  }

  /** The service as this computer reaches it, to send it requests; `release`: that one, past the traffic. @throws Failure service.unknown, release.unknown, release.stopped */
  async reach(scope: Scope, release?: string): Promise<Reached> {
    return release === undefined
      ? await reachService(scope, this.session)
      : await reachOneRelease(scope, release, this.session);
  }

  /** Calls what is deployed on each target now. */
  async measure(scope: Scope, count: number): Promise<Measured> {
    return await measure(scope, count, this.session);
  }

  /** What a node is, on the first target that is priced by nodes. */
  nodeType(manifest: Manifest): string {
    return nodeTypeOf(manifest, this.session);
  }

  readonly keys = {
    /** Who may call, at each place. @throws Failure target.unsupported */
    list: async (scope: Scope): Promise<({ machine: string } & Access)[]> => await listKeys(scope, this.session),
    /** Lets a caller in. Resolves to its key, which is kept nowhere. @throws Failure keys.taken */
    add: async (scope: Scope, name: string): Promise<string> =>
      await this.#run({ verb: "keys add", what: name }, scope, { act: (session) => addKey(scope, name, session) }),
    /** Shuts a caller out. Resolves to who is left at each place. @throws Failure keys.unknown */
    revoke: async (scope: Scope, name: string): Promise<Access[]> =>
      await this.#run({ verb: "keys revoke", what: name }, scope, {
        act: (session) => revokeKey(scope, name, session),
      }),
  };

  readonly secrets = {
    /** Names and ages of secrets, at each place; never a value. @throws Failure target.unsupported */
    list: async (scope: Scope): Promise<SecretsAt[]> => await listSecrets(scope, this.session),
    /** Starts the live release anew with another value. @throws Failure secrets.unknown */
    set: async (
      scope: Scope,
      secret: { name: string; value: string },
      options: DeployOptions = {},
    ): Promise<Outcome[]> =>
      await this.#run({ verb: "secrets set", what: secret.name }, scope, {
        act: (session) => setSecret(scope, secret, options, session),
        result: resultOf,
      }),
  };

  readonly shadow = {
    /** Deploys a release that gets copies of requests and answers nobody. @throws Failure target.unsupported */
    start: async (scope: Scope, how: ShadowRollout): Promise<Outcome[]> =>
      await this.#run({ verb: "shadow start" }, scope, {
        act: (session) => startShadow(scope, how, session),
        result: resultOf,
      }),
    /** How its answers differ from those of the live release. @throws Failure shadow.none */
    report: async (scope: Scope): Promise<ShadowFound[]> => await shadowReport(scope, this.session),
    /** Takes it away, with its last report. @throws Failure shadow.none */
    stop: async (scope: Scope): Promise<ShadowFound[]> =>
      await this.#run({ verb: "shadow stop" }, scope, { act: (session) => stopShadow(scope, session) }),
  };

  readonly requests = {
    /** The golden request, else the example of the API's own OpenAPI; and where it goes. @throws Failure service.unknown */
    offered: async (scope: Scope): Promise<Offered> => await offeredRequest(scope, this.session),
    /** Sends a request: to where clients call, or to one release. @throws Failure request.failed, release.unknown, release.stopped */
    send: async (scope: Scope, said: RequestSaid, release?: string): Promise<Called> =>
      await sendRequest(scope, said, this.session, release),
    /** The sample of requests that is kept at each place, with their answers. @throws Failure requests.none */
    kept: async (scope: Scope, sinceMs: number): Promise<KeptRequest[]> =>
      await keptRequests(scope, sinceMs, this.session),
    /** How far features and scores have moved from a baseline (PSI). @throws Failure requests.none, requests.no-baseline */
    drift: async (scope: Scope, how: { sinceMs: number; baseline?: string }): Promise<Drifted[]> =>
      await drift(scope, how, this.session),
  };

  /** Containers beside the service. */
  readonly with = {
    /** Makes one anew, as the manifest says. @throws Failure with.unknown, with.failed */
    restart: async (scope: Scope, name: string): Promise<string[]> =>
      await this.#run({ verb: "with restart", what: name }, scope, {
        act: (session) => restartWith(scope, name, session),
      }),
    /** Takes one away; its volumes stay. @throws Failure with.unknown */
    remove: async (scope: Scope, name: string): Promise<string[]> =>
      await this.#run({ verb: "with remove", what: name }, scope, {
        act: (session) => removeWith(scope, name, session),
      }),
    /** Hands over its log lines. @throws Failure with.unknown */
    logs: async (
      scope: Scope,
      what: { name: string; options: LogOptions; onLine: (line: LogLine) => void },
    ): Promise<void> => await logsWith(scope, what, this.session),
  };

  readonly alerts = {
    /** Has each place send a test alert; resolves to their names. @throws Failure alerts.none */
    test: async (scope: Scope): Promise<string[]> => await testAlerts(scope, this.session),
  };

  /** A program beside the model, at this terminal; resolves to its exit code. */
  async exec(scope: Scope, program: { argv: readonly string[]; terminal: boolean }): Promise<number> {
    return await exec(scope, program, this.session);
  }

  readonly hosts = {
    /** How a container runs that somebody started by hand. @throws Failure container.unknown */
    handMade: async (host: string, name: string): Promise<HandMade> => await handMade(host, name, this.session),
    /** System, engine, processor, memory, disk and addresses of each computer. @throws Failure ssh.*, docker.* */
    facts: async (whose: Whose): Promise<HostFacts[]> => await hostFacts(whose, this.session),
    /** Installs Docker where it is missing. `agree` is shown what would be run, and throws where it is not to be. @throws Failure machine.* */
    setUp: async (
      whose: Whose,
      agree: (place: Place, plan: SetUp) => Promise<void>,
    ): Promise<{ machine: string; changed: boolean }[]> =>
      await this.#onHosts("machine setup", whose, (session) => setUpHosts(whose, agree, session)),
    /** Removes everything that dray made there. @throws Failure machine.not-clean */
    clean: async (whose: Whose, options: CleanOptions): Promise<Cleaned[]> =>
      await this.#onHosts("machine clean", whose, (session) => cleanHosts(whose, options, session)),
    /** Writes a sealed file for each computer, with what a new one would need to take over. @throws Failure backup.nothing, usage.invalid */
    backUp: async (whose: Whose, options: BackupOptions): Promise<BackupFile[]> =>
      await this.#onHosts("machine backup", whose, (session) => backUpHosts(whose, options, session)),
    /** Puts such a file on a computer that has nothing of dray's; the next deploy brings the replicas. @throws Failure backup.* */
    restore: async (whose: Whose, from: RestoreOptions): Promise<BackedUp> =>
      await this.#onHosts("machine restore", whose, (session) => restoreHost(whose, from, session)),
  };

  /** The runs of this computer, whichever process they are of. */
  readonly runs = {
    /** Every run in the journal, the newest first. */
    list: async (): Promise<RunSummary[]> => await listRuns(this.session.journal),
    /** One run with all that was told of it. `id`: or its end. @throws Failure runs.unknown, runs.unreadable */
    read: async (id: string): Promise<KeptRun> => await readRun(this.session.journal, id),
    /** What is told of a run, from its beginning to its end, as it is told. @throws Failure runs.unknown, runs.unreadable */
    follow: (id: string, signal = this.session.signal): AsyncGenerator<Happening> =>
      followRun(this.session.journal, id, signal),
  };

  async #onHosts<T>(verb: RunVerb, whose: Whose, act: Doing<T>["act"]): Promise<T> {
    return await inRun(aboutHosts(verb, whose, this.session), { act }, this.session);
  }

  async #run<T>(about: { verb: RunVerb; what?: string | undefined }, scope: Scope, doing: Doing<T>): Promise<T> {
    return await inRun(aboutService(about, scope, this.session), doing, this.session);
  }
}

const shown = ({ outcomes, traces }: Deployed): ReturnType<typeof resultOf> => resultOf(outcomes, traces);
