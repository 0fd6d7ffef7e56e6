import type { CloudFacts, CloudRule } from "../../core/cloud-facts.ts";
import { serialTail } from "./boot.ts";
import { type Compute, zonal } from "./compute.ts";
import { type Firewall, type Instance, lastOf } from "./resources.ts";

/** What Google says of the machine with that address, or one of those names. @throws Failure google.* */
export async function lookAt(compute: Compute, address: string, names: readonly string[]): Promise<CloudFacts> {
  const [instances, addresses] = await Promise.all([compute.instances(), compute.addresses()]);
  const reserved = addresses.find((each) => each.address === address);
  const known = [...names, ...(reserved === undefined ? [] : [reserved.name])];
  const instance =
    instances.find((each) => externalOf(each) === address) ?? instances.find((each) => known.includes(each.name));
  const facts: CloudFacts = {
    cloud: "gce",
    project: compute.api.project,
    machine: null,
    ...(reserved?.address === undefined ? {} : { address: { name: reserved.name, address: reserved.address } }),
  };
  if (instance === undefined) return facts;
  const zone = lastOf(instance.zone);
  const external = externalOf(instance);
  const [rules, said] = await Promise.all([
    effective(compute, instance.name, zone).catch(() => undefined),
    serialTail(compute, { name: instance.name, zone }).catch(() => []),
  ]);
  const failed = said.filter((line) => /dray: |startup-script.*exit status [1-9]/.test(line));
  return {
    ...facts,
    machine: {
      name: instance.name,
      zone,
      status: instance.status,
      ...(external === undefined ? {} : { external }),
      tags: instance.tags?.items ?? [],
    },
    ...(rules === undefined ? {} : { rules }),
    ...(failed.length === 0 ? {} : { startup: failed }),
  };
}

function externalOf(instance: Instance): string | undefined {
  return instance.networkInterfaces?.[0]?.accessConfigs?.[0]?.natIP;
}

/** The rules in force for its first network card; those of the organisation's policies are not among them. */
async function effective(compute: Compute, name: string, zone: string): Promise<CloudRule[]> {
  const path = `instances/${name}/getEffectiveFirewalls`;
  const found = await compute.get<{ firewalls?: Firewall[] }>(zonal(zone), path, { networkInterface: "nic0" });
  return (found.firewalls ?? [])
    .filter((rule) => rule.disabled !== true && (rule.direction ?? "INGRESS") === "INGRESS")
    .flatMap((rule) => {
      const entries = [
        ...(rule.allowed ?? []).map((each) => ({ ...each, action: "allow" as const })),
        ...(rule.denied ?? []).map((each) => ({ ...each, action: "deny" as const })),
      ];
      return entries
        .filter(({ IPProtocol: protocol }) => ["tcp", "all", "6"].includes(protocol))
        .map(({ action, ports = [] }) => ({
          name: rule.name,
          priority: rule.priority ?? 1000,
          action,
          ranges: rule.sourceRanges ?? [],
          tags: rule.targetTags ?? [],
          ports,
        }));
    });
}
