import { CATALOGUE } from "../../catalogue.ts";
import { Failure } from "../../base/failure.ts";
import type { Cloud, CloudMachine, MadeMachine, MachineWish } from "../../core/cloud.ts";
import type { LeftOver, Prepared } from "../../core/prepared.ts";
import type { Context } from "../../core/context.ts";
import type { VerbSession } from "../../contract/target.ts";
import type { RunAbout, RunVerb } from "../../core/run.ts";
import { forgetHost, ownLogin, rememberHostKeys } from "../../machine/known.ts";
import { inRun } from "../runs/run.ts";

const CLOUDS: readonly string[] = Object.keys(CATALOGUE.clouds);

/** The cloud of that name. @throws Failure usage.invalid */
export function cloudOf(kind: string, project: string | undefined): Cloud {
  const make = (CATALOGUE.clouds as Record<string, ((project: string | undefined) => Cloud) | undefined>)[kind];
  if (make !== undefined) return make(project);
  throw new Failure("usage.invalid", `dray knows no cloud ${kind}`, { hint: `it knows: ${CLOUDS.join(", ")}` });
}

/** A machine that was made, and how to get to it. */
export interface Created extends CloudMachine {
  /** For `machine:` in the manifest. */
  ssh: string;
  /** Where its host keys were written down. */
  knownHosts: string;
}

/** Looks at what is missing of a machine; what is done after that ends with its host keys written down. @throws Failure */
export async function createMachine(
  cloud: Cloud,
  wish: Omit<MachineWish, "login" | "onHostKeys">,
  session: VerbSession,
): Promise<Prepared<Created>> {
  checkName(wish.name);
  const login = await ownLogin(wish.name, session.signal);
  let knownHosts = "";
  const onHostKeys = async (address: string, keys: readonly string[]): Promise<void> => {
    knownHosts = await rememberHostKeys(address, keys, session.signal);
  };
  const prepared: Prepared<MadeMachine> = await cloud.create({ ...wish, login, onHostKeys }, session);
  const act = async (inner: Context): Promise<Created> => {
    const machine = await prepared.perform(inner);
    return { ...machine, ssh: `${login.user}@${machine.external}`, knownHosts };
  };
  return { ...prepared, perform: (inner) => inRun(about("create", wish.name), { act }, { ...session, ...inner }) };
}

const about = (verb: "create" | "start" | "stop" | "rm", name: string): RunAbout => ({
  verb: `machine ${verb}` satisfies RunVerb,
  places: [name],
});

/** Starts a machine that was stopped. @throws Failure google.* */
export async function startMachine(cloud: Cloud, name: string, session: VerbSession): Promise<CloudMachine> {
  return await inRun(about("start", name), { act: (inner) => cloud.start(name, inner) }, session);
}

/** Stops a machine; resolves to what goes on costing. @throws Failure google.* */
export async function stopMachine(cloud: Cloud, name: string, session: VerbSession): Promise<LeftOver> {
  return await inRun(about("stop", name), { act: (inner) => cloud.stop(name, inner) }, session);
}

/** RFC 1035, as Google's names: a label of a host name. */
function checkName(name: string): void {
  if (/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name)) return;
  throw new Failure("usage.invalid", `"${name}" can be no machine's name`, {
    hint: "small letters, digits and hyphens, beginning with a letter: jkowalski-vm",
  });
}

/** Ours, and by name those of the lecture (`jkowalski-vm`); `all`: everybody's. */
export async function listMachines(cloud: Cloud, all: boolean, context: Context): Promise<CloudMachine[]> {
  const found = await cloud.list(context);
  return found.filter(({ ours, name }) => all || ours || /^[a-z]+-vm$/.test(name));
}

/** Takes a machine away, with what was made for it; its host keys are forgotten. @throws Failure */
export async function removeMachine(
  cloud: Cloud,
  name: string,
  keepAddress: boolean,
  session: VerbSession,
): Promise<Prepared<LeftOver>> {
  const [prepared, machines] = await Promise.all([cloud.remove(name, keepAddress, session), cloud.list(session)]);
  const external = machines.find((machine) => machine.name === name)?.external;
  const act = async (inner: Context): Promise<LeftOver> => {
    const left = await prepared.perform(inner);
    if (external !== undefined) await forgetHost(external, inner.signal);
    return left;
  };
  return { ...prepared, perform: (inner) => inRun(about("rm", name), { act }, { ...session, ...inner }) };
}
