import { isAbsolute } from "node:path";
import pLimit from "p-limit";
import { asFailure, Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import { local } from "../machine/local.ts";
import { isLocal, type Machine, type Where } from "../machine/machine.ts";
import { overSsh, type SshOptions } from "../machine/ssh.ts";
import type { Manifest } from "../manifest/schema.ts";
import { openEdge, type Site } from "../targets/machines/observe.ts";

/** Every machine of a manifest, or only the one called `only`. @throws Failure usage.invalid */
export function machinesOf(manifest: Manifest, only?: string): Where[] {
  if (manifest.target !== "machines") {
    throw new Failure(
      "target.unsupported",
      `that is for machines, and the target of ${manifest.service} is ${manifest.target}`,
      {
        hint: "with --target machines it is asked of the manifest's machines",
      },
    );
  }
  const all: Where[] =
    manifest.machines === undefined
      ? [{ name: shortName(manifest.machine ?? ""), ssh: manifest.machine ?? "" }]
      : Object.entries(manifest.machines).map(([name, ssh]) => ({ name, ssh }));
  if (only === undefined) return all;
  const found = all.filter((where) => where.name === only || where.ssh === only);
  if (found.length > 0) return found;
  throw new Failure("usage.invalid", `no machine ${only} in the manifest`, {
    hint: `there are: ${all.map((where) => where.name).join(", ")}`,
  });
}

function shortName(ssh: string): string {
  return isAbsolute(ssh) ? ssh : ssh.replace(/^ssh:\/\//, "");
}

/** Connects to a machine. @throws Failure ssh.*, docker.* */
export async function connect(where: Where, ssh: SshOptions, context: Context): Promise<Machine> {
  return isLocal(where) ? await local(context.signal) : await overSsh(where, ssh, context.signal);
}

/** Connects to a machine for the time of `act`. @throws Failure ssh.*, docker.* */
export async function withMachine<T>(
  where: Where,
  ssh: SshOptions,
  context: Context,
  act: (machine: Machine) => Promise<T>,
): Promise<T> {
  await using machine = await connect(where, ssh, context);
  return await act(machine);
}

/** Connects to a machine and opens its edge's shell; closing the machine closes both. */
export async function withSite<T>(
  where: Where,
  ssh: SshOptions,
  context: Context,
  act: (site: Site) => Promise<T>,
): Promise<T> {
  return await withMachine(where, ssh, context, async (machine) => {
    const edge = await openEdge(machine, context.signal);
    return await act({ machine, edge });
  });
}

/**
 * Does the same on many machines, `atOnce` of them side by side. One that fails does not stop the others, unless
 * `stopAtFirst`: then those that have not begun are left as they are.
 * @throws the failure of the only machine, or Failure fleet.partly-failed that names each
 */
export async function onEach<T>(
  wheres: readonly Where[],
  atOnce: number,
  act: (where: Where) => Promise<T>,
  stopAtFirst: boolean = false,
): Promise<T[]> {
  const limit = pLimit(atOnce);
  const untouched = new Set<string>();
  const failures: { on: string; failure: Failure }[] = [];
  const guarded = async (where: Where): Promise<T | undefined> => {
    if (stopAtFirst && failures.length > 0) return void untouched.add(where.name);
    try {
      return await act(where);
    } catch (error) {
      failures.push({ on: where.name, failure: asFailure(error) });
      return undefined;
    }
  };
  const results = await Promise.all(wheres.map((where) => limit(() => guarded(where))));
  const [first] = failures;
  if (first === undefined) return results as T[];
  if (wheres.length === 1) throw first.failure;
  const done = wheres.filter(
    (where) => !untouched.has(where.name) && !failures.some((failed) => failed.on === where.name),
  );
  throw new Failure(
    "fleet.partly-failed",
    `${failures.length} of ${wheres.length} machines failed: ${failures.map((failed) => failed.on).join(", ")}`,
    {
      hint:
        done.length > 0
          ? `${done.map((where) => where.name).join(", ")} are done; run the same command again for the rest`
          : "nothing was changed anywhere",
      details: [
        ...failures.map((failed) => `${failed.on}: [${failed.failure.code}] ${failed.failure.message}`),
        ...(untouched.size > 0 ? [`left as they were: ${[...untouched].join(", ")}`] : []),
      ],
      cause: first.failure,
    },
  );
}
