/**
 * List prices in US dollars, without discounts, credits or tax: the one place that knows any. Region us-central1; most
 * others cost 0 to 40 % more. Written down from the pages named, without reading them again on that day.
 */
export const PRICES = {
  asOf: "2025-06",
  /** Were they compared with the pages since? */
  checked: false as boolean,
  region: "us-central1",
  sources: {
    compute: "https://cloud.google.com/compute/vm-instance-pricing",
    disk: "https://cloud.google.com/compute/disks-image-pricing",
    address: "https://cloud.google.com/vpc/network-pricing",
    vertex: "https://cloud.google.com/vertex-ai/pricing",
    kubernetes: "https://cloud.google.com/kubernetes-engine/pricing",
    run: "https://cloud.google.com/run/pricing",
  },
  /** A machine type's price an hour, with its processors and memory (GiB). */
  machines: {
    "e2-micro": { hour: 0.00838, cpus: 0.25, memory: 1 },
    "e2-small": { hour: 0.01675, cpus: 0.5, memory: 2 },
    "e2-medium": { hour: 0.03351, cpus: 1, memory: 4 },
    "e2-standard-2": { hour: 0.06701, cpus: 2, memory: 8 },
    "e2-standard-4": { hour: 0.13402, cpus: 4, memory: 16 },
    "e2-standard-8": { hour: 0.26805, cpus: 8, memory: 32 },
    "n1-standard-1": { hour: 0.0475, cpus: 1, memory: 3.75 },
    "n1-standard-2": { hour: 0.095, cpus: 2, memory: 7.5 },
    "n1-standard-4": { hour: 0.19, cpus: 4, memory: 15 },
    "n2-standard-2": { hour: 0.09712, cpus: 2, memory: 8 },
    "n2-standard-4": { hour: 0.19424, cpus: 4, memory: 16 },
    "g2-standard-4": { hour: 0.70683, cpus: 4, memory: 16 },
  },
  /** A GiB of balanced disk, a month. */
  diskGb: 0.1,
  /** An external address an hour: in use, and reserved without use. */
  address: { used: 0.005, idle: 0.01 },
  /** What a node of Vertex AI's prediction costs more than its machine. */
  vertexFactor: 1.15,
  /** A Kubernetes cluster's management, an hour; of one account's first zonal cluster it is credited. */
  cluster: 0.1,
  /** Cloud Run with processors only while requests run: a second of one processor, of one GiB, and a million requests. */
  run: {
    cpuSecond: 0.000024,
    memorySecond: 0.0000025,
    million: 0.4,
    free: { cpuSeconds: 180_000, memorySeconds: 360_000, requests: 2_000_000 },
  },
  /** A load balancer's forwarding rule, an hour. */
  forwarding: 0.025,
} as const;

export const HOURS_A_MONTH = 730;

/** A machine type's price an hour; undefined: not in the list. */
export function hourOf(type: string): number | undefined {
  return (PRICES.machines as Record<string, { hour: number } | undefined>)[type]?.hour;
}

/** About what a machine with a disk and a reserved address costs a month, and what is left of it when it is stopped. */
export function monthlyOf(
  type: string,
  diskGb: number,
  reserved: boolean,
): { running: number; stopped: number } | undefined {
  const hour = hourOf(type);
  if (hour === undefined) return undefined;
  const disk = diskGb * PRICES.diskGb;
  return {
    running: disk + (hour + PRICES.address.used) * HOURS_A_MONTH,
    stopped: disk + (reserved ? PRICES.address.idle * HOURS_A_MONTH : 0),
  };
}

/** `about $15.46 a month`. */
export function monthText(dollars: number): string {
  return `about $${dollars.toFixed(2)} a month`;
}
