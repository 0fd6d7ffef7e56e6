import { within } from "drayage-clock";
import { Failure } from "../../base/failure.ts";
import { run } from "../../base/process.ts";
import type { Context } from "../../core/context.ts";

export interface Upgrade {
  /** This program's version. */
  here: string;
  /** The newest published one. */
  newest: string;
  /** The command that installs it; none where this is the newest already. */
  command?: string;
}

const VIEW_MS = 60_000;

/** Compares this version with the newest that npm's registry has. @throws Failure upgrade.unknown */
export async function findUpgrade(here: string, context: Context): Promise<Upgrade> {
  const argv = ["npm", "view", "drayage", "version", "--json", "--fetch-retries=0"];
  const ended = await within(VIEW_MS, context.signal, async (signal) => await run(argv, { signal })).catch(
    (error: unknown) => {
      context.signal.throwIfAborted();
      throw notKnown("npm cannot be asked", error);
    },
  );
  return upgradeFrom(here, ended.code, ended.stdout);
}

/** What npm's answer means: a version as JSON, or an error as JSON. @throws Failure upgrade.unknown */
export function upgradeFrom(here: string, code: number, said: string): Upgrade {
  const answer = parsed(said);
  if (code !== 0 || typeof answer !== "string") {
    const missing = said.includes('"E404"');
    throw notKnown(missing ? "npm's registry has no package drayage" : "npm's registry does not answer");
  }
  if (!isNewer(answer, here)) return { here, newest: answer };
  return { here, newest: answer, command: `npm install -g drayage@${answer}` };
}

function parsed(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return undefined;
  }
}

/** Is version `a` newer than `b`? A pre-release is older than its release. */
function isNewer(a: string, b: string): boolean {
  const [aNumbers = "", aBefore] = a.split(/-(.*)/s);
  const [bNumbers = "", bBefore] = b.split(/-(.*)/s);
  const order = aNumbers.localeCompare(bNumbers, "en", { numeric: true });
  if (order !== 0) return order > 0;
  if (aBefore === undefined) return bBefore !== undefined;
  return bBefore !== undefined && aBefore.localeCompare(bBefore, "en", { numeric: true }) > 0;
}

function notKnown(message: string, cause?: unknown): Failure {
  return new Failure("upgrade.unknown", `${message}, so the newest version is not known`, {
    hint: "run dray upgrade again with a way to npm's registry; a tarball is installed with: npm install -g FILE.tgz",
    cause,
  });
}
