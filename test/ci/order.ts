import { readFileSync } from "node:fs";
import path from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What the files took in this checkout's last runs, in seconds; and what they took when somebody last wrote it down. */
const MEASURED = [path.resolve(".dray/durations.json"), path.resolve("test/ci/durations.json")];
/** A file that nobody has measured yet begins early: begun last, a long one would keep everybody waiting. */
const UNKNOWN_S = 60;

/** The longest files first, so that no core waits at the end for one that was begun last. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const known = MEASURED.map(readDurations);
    const seconds = ({ moduleId }: TestSpecification): number => {
      const file = path.relative(process.cwd(), moduleId);
      return known.flatMap((durations) => durations[file] ?? [])[0] ?? UNKNOWN_S;
    };
    return await Promise.resolve(files.toSorted((a, b) => seconds(b) - seconds(a)));
  }
}

/** The first run in a checkout has no file of its own, and a run that was killed may have left half of one. */
export function readDurations(file: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, number>;
  } catch {
    return {};
  }
}
