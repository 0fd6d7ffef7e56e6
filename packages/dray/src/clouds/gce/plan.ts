import { Failure } from "../../base/failure.ts";
import type { MachineWish } from "../../core/cloud.ts";
import type { Plan, Stage } from "../../core/plan.ts";
import { type Address, type Firewall, type Instance, isOurRule, isOurs, lastOf, RULE } from "./resources.ts";

/** What is done to make a machine. */
export interface GceStep {
  kind: "address" | "firewall" | "instance" | "start" | "boot" | "docker";
  on: string;
  title: string;
}

/** What there is already under the machine's name. */
export interface SeenInCloud {
  address: Address | undefined;
  rule: Firewall | undefined;
  instance: Instance | undefined;
}

/**
 * What is missing of a machine; pure. What is half made is gone on with, what is somebody else's is left alone.
 * @throws Failure google.taken
 */
export function planMachine(wish: MachineWish, seen: SeenInCloud): Plan<GceStep> {
  checkOwners(wish.name, seen);
  const step = (kind: GceStep["kind"], title: string): GceStep => ({ kind, on: wish.name, title });
  const first = [
    ...(seen.address === undefined ? [step("address", "reserve an address")] : []),
    ...(seen.rule === undefined ? [step("firewall", `let ports 80 and 443 in (rule ${RULE})`)] : []),
  ];
  const machine =
    seen.instance === undefined
      ? [step("instance", `make the machine (${wish.type}, ${wish.zone})`)]
      : /TERMINATED|STOPPED|STOPPING/.test(seen.instance.status)
        ? [step("start", "start the machine")]
        : [];
  const stages: Stage<GceStep>[] = [
    { title: "address and firewall", steps: first, onFailure: "undo" as const },
    { title: "machine", steps: machine, onFailure: "undo" as const },
    { title: "boot", steps: [step("boot", "boot, and read its host keys")], onFailure: "stop" as const },
    { title: "docker", steps: [step("docker", "wait for Docker")], onFailure: "stop" as const },
  ].filter(({ steps }) => steps.length > 0);
  return { service: wish.name, release: "", stages, changes: changesOf(wish, seen) };
}

function changesOf(wish: MachineWish, { address, rule, instance }: SeenInCloud): Plan["changes"] {
  return [
    ...(address === undefined ? [{ what: "address", after: wish.name }] : []),
    ...(rule === undefined ? [{ what: "firewall rule", after: RULE }] : []),
    ...(instance === undefined
      ? [{ what: "machine", after: `${wish.name}: ${wish.type}, ${wish.diskGb} GB, ${wish.system}, ${wish.zone}` }]
      : []),
  ];
}

function checkOwners(name: string, { address, rule, instance }: SeenInCloud): void {
  const taken = (what: string, hint: string): Failure =>
    new Failure("google.taken", `there is ${what} already, and dray did not make it`, { hint });
  if (instance !== undefined && !isOurs(instance, name)) {
    const ip = instance.networkInterfaces?.[0]?.accessConfigs?.[0]?.natIP;
    throw taken(
      `a machine ${name} in ${lastOf(instance.zone)}`,
      ip === undefined
        ? "another name; or use it as it is: dray deploy --machine user@its-address"
        : `another name; or use it as it is: dray machine setup YOU@${ip}`,
    );
  }
  if (address !== undefined && !isOurs(address, name)) {
    throw taken(`an address ${name}`, `another name; or, if it may go: gcloud compute addresses delete ${name}`);
  }
  if (rule !== undefined && !isOurRule(rule))
    throw taken(`a firewall rule ${RULE}`, `rename it: dray makes one of that name`);
}
