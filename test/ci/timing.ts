import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Reporter, TestModule } from "vitest/node";
import { readDurations } from "./order.ts";

const FOLDER = ".dray";

/** One file of tests: when it began and ended, in seconds since the run began. */
interface Ran {
  file: string;
  group: string;
  begun: number;
  ended: number;
  state: string;
}

/** Writes down when each file began and ended: for the report at the end, and for the order of the next run. */
export class Timing implements Reporter {
  readonly #startedAt = performance.now();
  readonly #begun = new Map<string, number>();
  readonly #ran: Ran[] = [];

  onTestModuleQueued(module: TestModule): void {
    this.#begun.set(module.moduleId, this.#now());
  }

  onTestModuleEnd(module: TestModule): void {
    const file = path.relative(process.cwd(), module.moduleId);
    const begun = this.#begun.get(module.moduleId) ?? this.#now();
    this.#ran.push({ file, group: module.project.name, begun, ended: this.#now(), state: module.state() });
  }

  onTestRunEnd(): void {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path.join(FOLDER, "run.json"), JSON.stringify(this.#ran));
    const file = path.join(FOLDER, "durations.json");
    // What failed may have ended early: it says nothing about how long the file takes.
    const whole = this.#ran.filter(({ state }) => state === "passed");
    const measured = whole.map((each): [string, number] => [each.file, Math.round(each.ended - each.begun)]);
    writeFileSync(file, JSON.stringify({ ...readDurations(file), ...Object.fromEntries(measured) }, undefined, 1));
  }

  #now(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }
}
