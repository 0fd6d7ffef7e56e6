import type { MachineWish } from "../../core/cloud.ts";

/** What is read of Compute Engine's resources (compute/v1). */
export interface Instance {
  name: string;
  status: string;
  zone: string;
  machineType: string;
  labels?: Record<string, string>;
  tags?: { items?: string[]; fingerprint?: string };
  disks?: { diskSizeGb?: string; boot?: boolean }[];
  networkInterfaces?: {
    network?: string;
    networkIP?: string;
    accessConfigs?: { natIP?: string; name?: string }[];
  }[];
}

export interface Address {
  name: string;
  address?: string;
  status: "RESERVING" | "RESERVED" | "IN_USE";
  labels?: Record<string, string>;
  users?: string[];
}

export interface Firewall {
  name: string;
  description?: string;
  disabled?: boolean;
  direction?: string;
  priority?: number;
  sourceRanges?: string[];
  targetTags?: string[];
  allowed?: { IPProtocol: string; ports?: string[] }[];
  denied?: { IPProtocol: string; ports?: string[] }[];
}

/** Marks what is ours: the machine's name under it. */
export const CLOUD_LABEL = "drayage";
/** One rule for all of our machines in a project; it goes with the last of them. */
export const RULE = "drayage-web";
const RULE_IS_OURS = "dray: HTTP and HTTPS to the machines with this tag";
/** Guest attributes of ours: `NAMESPACE/docker`. */
export const NAMESPACE = "drayage";

export const isOurs = ({ labels }: { labels?: Record<string, string> }, name: string): boolean =>
  labels?.[CLOUD_LABEL] === name;
export const isOurRule = ({ description }: Firewall): boolean => description === RULE_IS_OURS;

export function regionOf(zone: string): string {
  return zone.replace(/-[a-z]$/, "");
}

/** The last part of a resource's URL. */
export function lastOf(url: string): string {
  return url.split("/").pop() ?? "";
}

export function addressBody(name: string): object {
  return { name, addressType: "EXTERNAL", networkTier: "PREMIUM", labels: { [CLOUD_LABEL]: name } };
}

export function ruleBody(): object {
  return {
    name: RULE,
    description: RULE_IS_OURS,
    network: "global/networks/default",
    direction: "INGRESS",
    priority: 1000,
    sourceRanges: ["0.0.0.0/0"],
    targetTags: [RULE],
    allowed: [{ IPProtocol: "tcp", ports: ["80", "443"] }],
  };
}

const IMAGES: Record<string, string> = {
  "debian-12": "projects/debian-cloud/global/images/family/debian-12",
  cos: "projects/cos-cloud/global/images/family/cos-stable",
};

export function instanceBody(wish: MachineWish, address: string, startup: string): object {
  const { name, zone, type, diskGb, system, login } = wish;
  return {
    name,
    machineType: `zones/${zone}/machineTypes/${type}`,
    labels: { [CLOUD_LABEL]: name },
    tags: { items: [RULE] },
    disks: [
      {
        boot: true,
        autoDelete: true,
        initializeParams: {
          sourceImage: IMAGES[system] ?? system,
          diskSizeGb: String(diskGb),
          diskType: `zones/${zone}/diskTypes/pd-balanced`,
        },
      },
    ],
    networkInterfaces: [
      {
        network: "global/networks/default",
        accessConfigs: [{ name: "External NAT", type: "ONE_TO_ONE_NAT", natIP: address, networkTier: "PREMIUM" }],
      },
    ],
    metadata: {
      items: Object.entries({
        "ssh-keys": `${login.user}:${login.key}`,
        "startup-script": startup,
        "enable-guest-attributes": "TRUE",
        "block-project-ssh-keys": "TRUE",
        // A project may have OS Login on, and then looks at no key here; where it is enforced Google says so.
        "enable-oslogin": "FALSE",
      }).map(([key, value]) => ({ key, value })),
    },
    // The machine's own account: read-only, for pulls from Artifact Registry and for its logs.
    serviceAccounts: [
      {
        email: "default",
        scopes: [
          "https://www.googleapis.com/auth/devstorage.read_only",
          "https://www.googleapis.com/auth/logging.write",
          "https://www.googleapis.com/auth/monitoring.write",
        ],
      },
    ],
  };
}
