import { Failure } from "../../base/failure.ts";
import { carryOut } from "../../core/carry-out.ts";
import type { LeftOver, Prepared } from "../../core/prepared.ts";
import type { Plan, Step } from "../../core/plan.ts";
import { HOURS_A_MONTH, monthText, PRICES } from "../../core/prices.ts";
import type { Compute } from "./compute.ts";
import { isOurRule, isOurs, CLOUD_LABEL, lastOf, RULE } from "./resources.ts";

interface Removal extends Step {
  kind: "instance" | "address" | "firewall";
  scope: string;
  rest: string;
}

/** What dray made under a name and is taken away; the rest is named. Half-made machines, too. @throws Failure google.* */
export async function prepareMachineRemoval(
  compute: Compute,
  name: string,
  keepAddress: boolean,
): Promise<Prepared<LeftOver>> {
  const [instances, addresses, rule] = await Promise.all([compute.instances(), compute.addresses(), compute.rule()]);
  const instance = instances.find((each) => each.name === name);
  const address = addresses.find((each) => each.name === name && isOurs(each, name));
  if (instance !== undefined && !isOurs(instance, name)) {
    throw new Failure("google.taken", `${name} is a machine that dray did not make`, {
      hint: `if it may go: gcloud compute instances delete ${name} --zone ${lastOf(instance.zone)}`,
    });
  }
  if (instance === undefined && address === undefined) {
    throw new Failure("google.not-found", `dray has made no machine ${name} in project ${compute.api.project}`, {
      hint: "dray machine ls --cloud gce shows what there is",
    });
  }
  const last = !instances.some((each) => each.name !== name && each.labels?.[CLOUD_LABEL] !== undefined);
  const step = stepOn(name);
  const machine =
    instance === undefined
      ? []
      : [step("instance", "delete the machine and its disk", `zones/${lastOf(instance.zone)}`, `instances/${name}`)];
  const around = [
    ...(address === undefined || keepAddress
      ? []
      : [step("address", `release ${address.address}`, `regions/${address.region}`, `addresses/${name}`)]),
    ...(last && rule !== undefined && isOurRule(rule)
      ? [step("firewall", `delete the rule ${RULE}`, "global", `firewalls/${RULE}`)]
      : []),
  ];
  const plan: Plan<Removal> = {
    service: name,
    release: "",
    changes: [...machine, ...around].map(({ title }) => ({ what: title, before: name })),
    stages: [
      { title: "machine", steps: machine, onFailure: "stop" as const },
      { title: "address and firewall", steps: around, onFailure: "stop" as const },
    ].filter(({ steps }) => steps.length > 0),
  };
  return {
    plan,
    perform: async (context) => {
      await carryOut(plan, (each, inner) => take(each, compute.under(inner.signal), inner.emit), context);
      const kept = keepAddress && address !== undefined;
      const price = monthText(PRICES.address.idle * HOURS_A_MONTH);
      return {
        done: plan.stages.flatMap(({ steps }) => steps.map(({ title }) => title)),
        costs: kept
          ? [`the address ${address.address} is kept and costs ${price}; dray machine rm ${name} releases it`]
          : [],
      };
    },
  };
}

const stepOn =
  (on: string) =>
  (kind: Removal["kind"], title: string, scope: string, rest: string): Removal => ({ kind, on, title, scope, rest });

async function take(
  { kind, on, scope, rest }: Removal,
  compute: Compute,
  emit: (news: { type: "step.progress"; step: string; on: string; done: number; unit: "count"; note: string }) => void,
): Promise<void> {
  await compute.change("DELETE", { scope, rest }, (note) =>
    emit({ type: "step.progress", step: kind, on, done: 0, unit: "count", note }),
  );
}
