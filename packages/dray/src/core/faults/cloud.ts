import { type CloudRule, type CloudVerdict, verdictOf } from "../cloud-facts.ts";
import { dialledTo, type Evidence, type Fault, shut } from "../evidence.ts";
import { outside } from "./healthy.ts";

type Instance = NonNullable<NonNullable<Evidence["cloud"]>["machine"]>;

const instanceOf = (found: Evidence): Instance | undefined => found.cloud?.machine ?? undefined;
const nameOf = (found: Evidence): string => instanceOf(found)?.name ?? found.cloud?.address?.name ?? "the machine";
const away = (found: Evidence): boolean =>
  shut(found) || (found.ssh?.code !== undefined && found.answer?.outcome !== "answered");

/** What the rules say of the port, where they were read and the port does not answer. */
function verdict(found: Evidence): CloudVerdict | undefined {
  const { cloud } = found;
  if (cloud?.rules === undefined || cloud.machine === null || !dialledTo(found, "timeout")) return undefined;
  return verdictOf(cloud.rules, cloud.machine.tags, found.target.port);
}

const ruleOf = (found: Evidence): CloudRule | undefined => {
  const said = verdict(found);
  return said === undefined || said.let === "nobody" ? undefined : said.by;
};

const OPEN: CloudRule = {
  name: "drayage-web",
  priority: 1000,
  action: "allow",
  ranges: ["0.0.0.0/0"],
  tags: ["drayage-web"],
  ports: ["80", "443"],
};

/** Evidence of a machine of Google's that does not answer. */
const told = (found: Evidence, machine: Partial<Instance> | null, more: Partial<Evidence["cloud"]> = {}): Evidence => ({
  ...outside(found, "timeout"),
  cloud: {
    cloud: "gce",
    project: "my-project",
    machine:
      machine === null
        ? null
        : {
            name: "my-vm",
            zone: "us-central1-a",
            status: "RUNNING",
            external: "203.0.113.7",
            tags: ["drayage-web"],
            ...machine,
          },
    rules: [OPEN],
    ...more,
  },
});

/** The machine itself, as its cloud tells of it: before whatever its silence looks like from here. */
export const CLOUD_MACHINE: readonly Fault[] = [
  {
    id: "cloud-machine-stopped",
    hop: "cloud",
    title: "The machine is stopped",
    when: (found) => away(found) && /TERMINATED|STOPPED|STOPPING|SUSPEND/.test(instanceOf(found)?.status ?? ""),
    why: (found) =>
      `${nameOf(found)} is ${instanceOf(found)?.status} in ${instanceOf(found)?.zone}: nothing runs there`,
    fix: (found) => `dray machine start ${nameOf(found)}`,
    outside: "Nothing answers, ssh neither.",
    byHand: "`gcloud compute instances list` says TERMINATED.",
    example: (found) => told(found, { status: "TERMINATED" }),
  },
  {
    id: "cloud-address-changed",
    hop: "cloud",
    title: "The machine has another address now",
    when: (found) => {
      const { machineAddress } = found.target;
      const external = instanceOf(found)?.external;
      return away(found) && external !== undefined && machineAddress !== undefined && external !== machineAddress;
    },
    why: (found) =>
      `${nameOf(found)} has the address ${instanceOf(found)?.external}, and ${found.target.machineAddress} is asked: without a reserved address each start brings a new one`,
    fix: (found) =>
      `write ${instanceOf(found)?.external} into dray.yaml; to keep it: gcloud compute addresses create ${nameOf(found)} --addresses ${instanceOf(found)?.external} --region ${instanceOf(found)?.zone.replace(/-[a-z]$/, "")}`,
    outside: "Nothing answers, or somebody else's machine does.",
    byHand: "`gcloud compute instances list` shows another EXTERNAL_IP than the one you use.",
    example: (found) => told(found, { external: "203.0.113.99" }),
  },
  {
    id: "cloud-machine-gone",
    hop: "cloud",
    title: "The machine was deleted",
    when: (found) => away(found) && found.cloud?.machine === null && found.cloud.address !== undefined,
    why: (found) =>
      `the address ${found.cloud?.address?.address} is reserved for ${nameOf(found)}, and there is no such machine in ${found.cloud?.project}: it was deleted`,
    fix: (found) =>
      `dray machine create ${nameOf(found)} makes it again; dray machine rm ${nameOf(found)} releases the address`,
    outside: "Nothing answers, ssh neither.",
    byHand: "`gcloud compute instances list` does not have it.",
    example: (found) => told(found, null, { address: { name: "my-vm", address: "203.0.113.7" } }),
  },
];

/** Its first boot: asked before what a machine without Docker looks like. */
export const CLOUD_BOOT: readonly Fault[] = [
  {
    id: "startup-script-failed",
    hop: "cloud",
    title: "The machine's startup script failed",
    when: (found) => (found.cloud?.startup ?? []).length > 0 && found.engine?.code !== undefined,
    why: (found) => `the startup script of ${nameOf(found)} failed: ${lastWord(found.cloud?.startup ?? [])}`,
    fix: (found) =>
      `dray machine setup ${found.target.machine} installs Docker; or dray machine rm ${nameOf(found)}, and create it again`,
    outside: "ssh answers, Docker is not there.",
    byHand: "`gcloud compute instances get-serial-port-output NAME | grep startup-script`.",
    example: (found) => ({
      ...told(found, {}, { startup: ["dray: apt-get could not install docker.io"] }),
      engine: { ms: 20, code: "docker.missing", message: "Docker is not installed" },
    }),
  },
];

/** The cloud's firewall, by its rules: before what it looks like on the machine. */
export const CLOUD_FIREWALL: readonly Fault[] = [
  {
    id: "cloud-rule-missing",
    hop: "packet",
    title: "No rule of the cloud's firewall lets the port in",
    when: (found) => verdict(found)?.let === "nobody",
    why: (found) => `the VPC's firewall has no rule that lets port ${found.target.port} in to ${nameOf(found)}`,
    fix: (found) =>
      `gcloud compute firewall-rules create allow-${found.target.port} --allow tcp:${found.target.port} --source-ranges 0.0.0.0/0${tagFlag(found)} --project ${found.cloud?.project}`,
    outside: "Times out; ssh to the same address works.",
    byHand: "`gcloud compute firewall-rules list`: none for the port.",
    example: (found) => told(found, {}, { rules: [{ ...OPEN, name: "default-allow-ssh", tags: [], ports: ["22"] }] }),
  },
  {
    id: "cloud-tag-missing",
    hop: "packet",
    title: "The rule is there, the machine lacks its tag",
    when: (found) => verdict(found)?.let === "tag",
    why: (found) =>
      `the rule ${ruleOf(found)?.name} lets port ${found.target.port} in to machines tagged ${ruleOf(found)?.tags.join(" or ")}; ${nameOf(found)} has ${instanceOf(found)?.tags.join(", ") || "no tag"}`,
    fix: (found) =>
      `gcloud compute instances add-tags ${nameOf(found)} --tags ${ruleOf(found)?.tags[0]} --zone ${instanceOf(found)?.zone} --project ${found.cloud?.project}`,
    outside: "Times out; ssh to the same address works.",
    byHand: "`gcloud compute instances describe NAME --format 'value(tags.items)'` lacks the rule's target tag.",
    example: (found) => told(found, { tags: [] }),
  },
  {
    id: "cloud-rule-denies",
    hop: "packet",
    title: "A rule with more weight denies it",
    when: (found) => verdict(found)?.let === "denied",
    why: (found) =>
      `the rule ${ruleOf(found)?.name} (priority ${ruleOf(found)?.priority}) denies port ${found.target.port}, and the lowest number wins`,
    fix: (found) =>
      `gcloud compute firewall-rules update ${ruleOf(found)?.name} --priority 65000 --project ${found.cloud?.project}, if it may; or a rule that allows it with a number below ${ruleOf(found)?.priority}`,
    outside: "Times out; ssh to the same address works.",
    byHand: "`gcloud compute firewall-rules list --sort-by priority`: a DENY stands before the ALLOW.",
    example: (found) =>
      told(found, {}, { rules: [OPEN, { ...OPEN, name: "deny-web", priority: 900, action: "deny", tags: [] }] }),
  },
  {
    id: "cloud-rule-elsewhere",
    hop: "packet",
    title: "The rule lets in others, not you",
    when: (found) => verdict(found)?.let === "some",
    why: (found) =>
      `the rule ${ruleOf(found)?.name} lets port ${found.target.port} in from ${ruleOf(found)?.ranges.join(", ")} only, and this computer is not there`,
    fix: (found) =>
      `gcloud compute firewall-rules update ${ruleOf(found)?.name} --source-ranges 0.0.0.0/0 --project ${found.cloud?.project}; or add your own address: curl ifconfig.me`,
    outside: "Times out here, works for others.",
    byHand: "`gcloud compute firewall-rules describe NAME`: sourceRanges does not have your address.",
    example: (found) => told(found, {}, { rules: [{ ...OPEN, ranges: ["198.51.100.0/24"] }] }),
  },
];

/** Its own last word, where it had one; the status that it ended with says less. */
function lastWord(lines: readonly string[]): string {
  const own = lines.findLast((line) => line.includes("dray: "));
  return own === undefined ? (lines.at(-1) ?? "") : own.slice(own.indexOf("dray: ") + "dray: ".length);
}

function tagFlag(found: Evidence): string {
  const [tag] = instanceOf(found)?.tags ?? [];
  return tag === undefined ? "" : ` --target-tags ${tag}`;
}
