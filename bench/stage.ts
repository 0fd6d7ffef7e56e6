import { rm } from "node:fs/promises";
import path from "node:path";
import { startVm, type User, type Vm } from "../test/world/vm.ts";

type VmOptions = Parameters<typeof startVm>[2];

/** Figures by name; a value may have parts, or be a list of what went wrong. */
export type Figures = Record<string, unknown>;

/** On what a bench runs, and how much of it. */
export interface Stage {
  /** Only whether everything runs: as little of each as there can be. */
  smoke: boolean;
  /** A stand-in of the bench's own; in a smoke the one that all benches share, with nothing on it. */
  startVm(user?: User, options?: VmOptions): Promise<Vm>;
}

/** A stage where every bench has a stand-in to itself. */
export const FULL: Stage = {
  smoke: false,
  startVm: async (user = "ops", options = {}) => await startVm("bookworm", user, options),
};

/** A stage that lends one stand-in to one bench after the other. */
export async function openSmoke(): Promise<Stage & AsyncDisposable> {
  const vm = await startVm("bookworm", "ops", { rttMs: 0 });
  return {
    smoke: true,
    startVm: async () => {
      await vm.inside("sh", "-c", NOTHING_LEFT);
      // A manifest that names no golden file takes this one where it lies beside it.
      await rm(path.join(vm.folder, "golden.json"), { force: true });
      return { ...vm, wire: vm.wire, [Symbol.asyncDispose]: async () => await Promise.resolve() };
    },
    [Symbol.asyncDispose]: async () => await vm[Symbol.asyncDispose](),
  };
}

/** Images stay: the next bench begins sooner. */
const NOTHING_LEFT = `
docker ps -aq | xargs -r docker rm -f -v
docker volume ls -q | xargs -r docker volume rm
docker network prune -f`;
