import { within } from "drayage-clock";
import { Failure } from "../../base/failure.ts";
import { GoogleApi } from "../../google/api.ts";
import { googleProject } from "../../google/project.ts";
import type { OnWait } from "../../google/operation.ts";
import { carryOut, type Undo } from "../../core/carry-out.ts";
import type { Cloud, CloudMachine, MachineWish, MadeMachine } from "../../core/cloud.ts";
import type { LeftOver, Prepared } from "../../core/prepared.ts";
import { type Context, under } from "../../core/context.ts";
import { monthlyOf, monthText } from "../../core/prices.ts";
import { dockerReady, hostKeys } from "./boot.ts";
import { Compute, machineOf, regional, zonal } from "./compute.ts";
import { lookAt } from "./look.ts";
import { type GceStep, planMachine, type SeenInCloud } from "./plan.ts";
import { prepareMachineRemoval } from "./remove.ts";
import { type Address, addressBody, type Instance, instanceBody, isOurs, lastOf, ruleBody } from "./resources.ts";
import { startupScript } from "./startup.ts";

/** Google Compute Engine. `project`: the one named on the command line. */
export function gce(project: string | undefined): Cloud {
  const open = async (context: Context): Promise<Compute> =>
    new Compute(new GoogleApi(await googleProject(project, context.signal)), context.signal);
  return {
    kind: "gce",
    create: async (wish, context) => await prepare(await open(context), wish),
    look: async (address, names, context) => await lookAt(await open(context), address, names),
    list: async (context) => {
      const compute = await open(context);
      const [instances, addresses] = await Promise.all([compute.instances(), compute.addresses()]);
      return instances.map((instance) => machineOf(instance, addresses));
    },
    start: async (name, context) => {
      const compute = await open(context);
      const instance = await named(compute, name);
      await shown({ kind: "start", on: name, title: `start ${name}` }, context, (onWait) =>
        compute.change("POST", { scope: zonal(lastOf(instance.zone)), rest: `instances/${name}/start` }, onWait),
      );
      return machineOf(await named(compute, name), await compute.addresses());
    },
    stop: async (name, context) => await stop(await open(context), name, context),
    remove: async (name, keepAddress, context) => await prepareMachineRemoval(await open(context), name, keepAddress),
  };
}

async function prepare(compute: Compute, wish: MachineWish): Promise<Prepared<MadeMachine>> {
  const [address, rule, instances] = await Promise.all([
    compute.find<Address>(regional(wish.zone), `addresses/${wish.name}`),
    compute.rule(),
    compute.instances(),
  ]).catch((error: unknown) => {
    throw explain(error, wish);
  });
  const instance = instances.find((each) => each.name === wish.name);
  const seen: SeenInCloud = { address, rule, instance };
  if (instance !== undefined && isOurs(instance, wish.name) && lastOf(instance.zone) !== wish.zone) {
    throw new Failure("google.taken", `${wish.name} is in ${lastOf(instance.zone)}`, {
      hint: `dray machine create ${wish.name} --zone ${lastOf(instance.zone)}, or another name`,
    });
  }
  const plan = planMachine(wish, seen);
  const monthly = instance === undefined ? monthlyOf(wish.type, wish.diskGb, true)?.running : undefined;
  return {
    plan,
    ...(monthly === undefined ? {} : { monthly }),
    perform: async (context) => {
      await carryOut(plan, (step, inner) => perform(step, wish, compute.under(inner.signal), inner), context);
      const found = await compute.get<Instance>(zonal(wish.zone), `instances/${wish.name}`);
      const machine = machineOf(found, await compute.addresses());
      if (machine.external === undefined)
        throw new Failure("google.failed", `${wish.name} runs without an external address`, {
          hint: `dray machine rm ${wish.name}, then make it again`,
        });
      return { ...machine, external: machine.external };
    },
  };
}

/** Longest wait for what was stopped half way to be gone. */
const TAKE_BACK_MS = 60_000;

type Undoable = { undo?: Undo; note?: string };

async function perform(
  { kind, on }: GceStep,
  wish: MachineWish,
  compute: Compute,
  context: Context,
): Promise<Undoable> {
  const { name, zone } = wish;
  const onWait = (note: string): void =>
    context.emit({ type: "step.progress", step: kind, on, done: 0, unit: "count", note });
  /** Makes something that is taken back: when a later step fails, and when somebody stops it half way. */
  const make = async (scope: string, collection: string, body: object): Promise<Undo> => {
    const away: Undo = (fresh) =>
      compute.under(fresh.signal).change("DELETE", { scope, rest: `${collection}/${name}` }, () => undefined);
    try {
      await compute.change("POST", { scope, rest: collection, body }, onWait);
      return away;
    } catch (error) {
      if (context.signal.aborted) {
        await within(TAKE_BACK_MS, undefined, (fresh) => away(under(context, fresh))).catch((left: unknown) => {
          const why = left instanceof Error ? left.message : String(left);
          const text = `${collection}/${name} may be left, and cost: dray machine rm ${name} takes it away (${why})`;
          context.emit({ type: "warning", text });
        });
      }
      throw explain(error, wish);
    }
  };
  switch (kind) {
    case "address": {
      const undo = await make(regional(zone), "addresses", addressBody(name));
      return { undo, note: (await compute.get<Address>(regional(zone), `addresses/${name}`)).address ?? "" };
    }
    case "firewall":
      // Of all our machines: it stays, whatever becomes of this one.
      await compute.change("POST", { scope: "global", rest: "firewalls", body: ruleBody() }, onWait);
      return {};
    case "instance": {
      const { address } = await compute.get<Address>(regional(zone), `addresses/${name}`);
      const body = instanceBody(wish, address ?? "", startupScript(wish.login.user));
      return { undo: await make(zonal(zone), "instances", body) };
    }
    case "start":
      await compute.change("POST", { scope: zonal(zone), rest: `instances/${name}/start` }, onWait);
      return {};
    case "boot":
      return { note: `${await meet(wish, compute, onWait, context.signal)} host keys` };
    case "docker":
      await dockerReady(compute, wish, onWait, context.signal);
      return {};
  }
}

/** Waits for the machine's host keys, and hands them on with its address: whatever fails later, it can be looked at. */
async function meet(wish: MachineWish, compute: Compute, onWait: OnWait, signal: AbortSignal): Promise<number> {
  const keys = await hostKeys(compute, wish, onWait, signal);
  const found = await compute.get<Instance>(zonal(wish.zone), `instances/${wish.name}`);
  const { external } = machineOf(found, []);
  if (external !== undefined) await wish.onHostKeys(external, keys);
  return keys.length;
}

/** What Google says of a wish that cannot be, in the words of the command line. */
function explain(error: unknown, wish: MachineWish): unknown {
  if (!(error instanceof Failure)) return error;
  const said = `${error.message} ${error.details.join(" ")}`;
  const wrong = (message: string, hint: string): Failure =>
    new Failure("usage.invalid", message, { hint, details: error.details, cause: error });
  if (/requireOsLogin/.test(said)) {
    return wrong(
      "the organisation enforces OS Login: keys in the machine's metadata are not looked at",
      `make it with gcloud, then: gcloud compute os-login ssh-keys add --key-file ~/.ssh/id_ed25519.pub; dray machine setup`,
    );
  }
  if (/machineTypes\//.test(said)) {
    return wrong(
      `there is no machine type ${wish.type} in ${wish.zone}`,
      `gcloud compute machine-types list --zones ${wish.zone}`,
    );
  }
  if (/Unknown (zone|region)|Invalid value for field '(zone|region)'/.test(said))
    return wrong(`there is no zone ${wish.zone}`, "gcloud compute zones list");
  return error;
}

/** The machine of that name, wherever it is. @throws Failure google.not-found */
async function named(compute: Compute, name: string): Promise<Instance> {
  const found = (await compute.instances()).find((instance) => instance.name === name);
  if (found !== undefined) return found;
  throw new Failure("google.not-found", `there is no machine ${name} in project ${compute.api.project}`, {
    hint: "dray machine ls --cloud gce shows what there is",
  });
}

async function stop(compute: Compute, name: string, context: Context): Promise<LeftOver> {
  const instance = await named(compute, name);
  await shown({ kind: "stop", on: name, title: `stop ${name}` }, context, (onWait) =>
    compute.change("POST", { scope: zonal(lastOf(instance.zone)), rest: `instances/${name}/stop` }, onWait),
  );
  const machine = machineOf(instance, await compute.addresses());
  return { done: [`${name} is stopped`], costs: leftCosts(machine) };
}

function leftCosts({ name, reserved, monthly }: CloudMachine): string[] {
  const what = reserved ? "its disk and its address go on costing" : "its disk goes on costing";
  const price = monthly === undefined ? "" : `: ${monthText(monthly.stopped)}`;
  return [`${what}${price}; dray machine rm ${name} ends that`];
}

/** One change that is waited for, shown as a step. */
async function shown(
  { kind, on, title }: { kind: string; on: string; title: string },
  context: Context,
  act: (onWait: (note: string) => void) => Promise<void>,
): Promise<void> {
  const plan = {
    service: on,
    release: "",
    changes: [],
    stages: [{ title, steps: [{ kind, on, title }], onFailure: "stop" as const }],
  };
  await carryOut(
    plan,
    async (step, inner) =>
      await act((note) =>
        inner.emit({
          type: "step.progress",
          step: step.kind,
          on,
          done: 0,
          unit: "count",
          note,
        }),
      ),
    context,
  );
}
