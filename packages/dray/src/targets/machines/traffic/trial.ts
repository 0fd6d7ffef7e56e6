import { sleep } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { compareGolden, type Golden } from "../../../core/golden.ts";
import { arithmeticOf, judge, numbersOf, type Sample } from "../../../core/judge.ts";
import { keptOf, type Replica } from "../../../edge/state.ts";
import { containerLogs } from "../../../probes/logs.ts";
import { AccessLog } from "./access-log.ts";
import { inspectState } from "../replica/diagnose.ts";
import type { Work, Started } from "../plan/work.ts";
import { memoryOf } from "../replica/memory.ts";
import { edgeOf } from "../plan/observe.ts";
import type { MachineRollout } from "../plan/steps.ts";
import { openAsker } from "../replica/prove.ts";

const LOOK_MS = 200;
/** A replica that uses more of its memory than this will hardly live through a day. */
const FULL = 0.95;

/** What both releases answered in one window. */
interface Window {
  fresh: readonly Sample[];
  old: readonly Sample[];
}

interface Asked extends Sample {
  /** There was no answer at all. */
  silent?: true;
}

/**
 * A release on trial: its answers are compared with those that the old release gives in the same time, as the edge's own
 * log tells of them, and its containers are watched.
 */
export class Trial {
  readonly #work: Work;
  readonly #replicas: readonly Started[];
  readonly #rollout: MachineRollout;
  readonly #old: string | undefined;
  /** When each container started: one that was restarted had ended. */
  readonly #startedAt = new Map<string, string>();
  #log: AccessLog | undefined;
  /** The old release's answers of the last window in which it had traffic. */
  #reference: readonly Sample[] = [];

  constructor(work: Work, replicas: readonly Started[], rollout: MachineRollout) {
    this.#work = work;
    this.#replicas = replicas;
    this.#rollout = rollout;
    const service = edgeOf(work.site).known.services[work.release.service];
    this.#old = service?.current === work.release.id ? service.previous : service?.current;
  }

  /** Begins to read the edge's log; once. */
  listen(context: Context): void {
    this.#log ??= AccessLog.open(this.#work.site.machine, this.#work.release.service, context.signal);
  }

  /**
   * Watches the release for a while. Resolves to a note for people.
   * @throws Failure release.rolled-back, with the reason: whoever carries out the plan takes the traffic back
   */
  async watch(share: number, ms: number, context: Context): Promise<string> {
    const { release } = this.#work;
    const from = { fresh: this.#of(release.id).length, old: this.#of(this.#old).length };
    const since = (): Window => ({
      fresh: this.#of(release.id).slice(from.fresh),
      old: share === 100 ? this.#reference : this.#of(this.#old).slice(from.old),
    });
    const end = performance.now() + ms;
    for (;;) {
      await sleep(Math.max(0, Math.min(LOOK_MS, end - performance.now())), context.signal);
      await this.#alive(context);
      // Golden requests alone say nothing of what callers get: nobody can judge it any more.
      if (this.#log?.lost !== undefined)
        throw this.#back(share, `how it answers is not known, since the edge's log cannot be read: ${this.#log.lost}`);
      const left = end - performance.now();
      this.#tell(share, left, since(), context);
      this.#judge(since(), share, left <= 0);
      if (left <= 0) break;
    }
    const window = since();
    if (share !== 100) this.#reference = window.old;
    await this.#memory(share, context);
    const asked = window.fresh.length < this.#rollout.minimum ? await this.#ask(share, context) : 0;
    return note(window, asked);
  }

  #of(release: string | undefined): readonly Sample[] {
    return release === undefined ? [] : (this.#log?.of(release) ?? []);
  }

  #judge({ fresh, old }: Window, share: number, whole: boolean): void {
    const verdict = judge(fresh, old, this.#rollout, whole);
    if (verdict.bad) throw this.#back(share, verdict.why);
  }

  #back(share: number, why: string, details: readonly string[] = []): Failure {
    const { release, seen } = this.#work;
    return new Failure(
      "release.rolled-back",
      `${release.id} had ${share} % of the traffic of ${seen.machine}: ${why}`,
      {
        hint: `${this.#old ?? "no other release"} has all of it again; mend the release and deploy it anew, or allow more: rollout: {maxErrors, maxP95}`,
        details,
      },
    );
  }

  #tell(share: number, leftMs: number, { fresh, old }: Window, context: Context): void {
    const { seen, release } = this.#work;
    context.emit({
      type: "trial",
      on: seen.machine,
      release: release.id,
      share,
      leftMs: Math.max(0, Math.round(leftMs)),
      fresh: numbersOf(fresh),
      old: numbersOf(old),
      arithmetic: arithmeticOf(fresh, old, this.#rollout),
    });
  }

  async #alive(context: Context): Promise<void> {
    const { engine } = this.#work.site.machine;
    for (const { container } of this.#replicas) {
      const state = await inspectState(engine, container, context.signal);
      if (state.Running && state.StartedAt === (this.#startedAt.get(container) ?? state.StartedAt)) {
        this.#startedAt.set(container, state.StartedAt);
        continue;
      }
      const how = state.OOMKilled
        ? "needed more memory than its limit and was killed"
        : state.Running
          ? "ended, and the engine started it again"
          : `ended with exit code ${state.ExitCode}`;
      throw this.#back(this.#share(), `its container ${how}`, await containerLogs(engine, container, 10));
    }
  }
  #share(): number {
    return edgeOf(this.#work.site).known.services[this.#work.release.service]?.candidate?.share ?? 100;
  }

  async #memory(share: number, context: Context): Promise<void> {
    for (const { container } of this.#replicas) {
      const memory = await memoryOf(this.#work.site.machine.engine, container, context.signal);
      if (memory === undefined || memory.used < memory.limit * FULL) continue;
      const [used, limit] = [memory.used, memory.limit].map((bytes) => Math.round(bytes / 1024 ** 2));
      throw this.#back(share, `it uses ${used} MiB of the ${limit} MiB that it may`);
    }
  }

  /** Too few came by themselves: both releases are asked the same, in turn, the way clients ask. */
  async #ask(share: number, context: Context): Promise<number> {
    const { golden, release, site } = this.#work;
    const service = edgeOf(site).known.services[release.service];
    const theirs =
      this.#old === undefined || service === undefined ? undefined : keptOf(service, this.#old)?.replicas[0];
    const samples: { fresh: Asked[]; old: Asked[] } = { fresh: [], old: [] };
    const [ours] = this.#replicas;
    if (ours === undefined) return 0;
    using mine = this.#asker(ours, context);
    using other = theirs === undefined ? undefined : this.#asker(theirs, context);
    for (let turn = 0; turn < this.#rollout.minimum; turn++) {
      const each = golden[turn % Math.max(1, golden.length)];
      samples.fresh.push(await mine.ask(each, true));
      // The golden file may have moved on with the new release: of the old one any answer will do. One that is down is
      // asked once: each question would wait as long as an answer may take.
      if (other !== undefined && !samples.old.some(({ silent }) => silent))
        samples.old.push(await other.ask(each, false));
      // One that hangs is not asked fifty times.
      this.#judge(samples, share, false);
    }
    this.#judge(samples, share, true);
    return samples.fresh.length;
  }

  #asker(
    replica: Replica,
    context: Context,
  ): Disposable & { ask(golden: Golden | undefined, strict: boolean): Promise<Asked> } {
    const { ready, limits } = this.#work.release.settings;
    const asker = openAsker(this.#work, replica, context.signal);
    return {
      ask: async (golden, strict) => {
        const startedAt = performance.now();
        try {
          const answer = await asker.ask(golden?.request ?? { method: "GET", path: ready ?? "/" }, limits.timeoutMs);
          const right = golden === undefined || !strict || compareGolden(golden, answer).length === 0;
          // A refusal that a golden request expects is as it should be.
          const expected = golden !== undefined && strict && right;
          const refused = answer.status >= 400 && answer.status < 500 && !expected ? { refused: answer.status } : {};
          return {
            ok: right && answer.status < (golden === undefined && ready === undefined ? 500 : 400),
            ms: answer.ms,
            ...refused,
          };
        } catch {
          context.signal.throwIfAborted();
          return { ok: false, ms: performance.now() - startedAt, silent: true };
        }
      },
      [Symbol.dispose]: () => asker.close(),
    };
  }
}

function note({ fresh, old }: Window, asked: number): string {
  const said = (samples: readonly Sample[]): string => {
    const { count, failed, p95Ms } = numbersOf(samples);
    return `${count} answers, ${failed} failed, p95 ${Math.round(p95Ms)} ms`;
  };
  return `${said(fresh)}; the old one ${said(old)}${asked > 0 ? `; ${asked} golden requests besides` : ""}`;
}
