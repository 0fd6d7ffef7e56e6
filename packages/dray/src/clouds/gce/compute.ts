import { randomUUID } from "node:crypto";
import type { GoogleApi } from "../../google/api.ts";
import { computeDone, type OnWait } from "../../google/operation.ts";
import type { CloudMachine } from "../../core/cloud.ts";
import { monthlyOf } from "../../core/prices.ts";
import {
  type Address,
  type Firewall,
  type Instance,
  isOurs,
  CLOUD_LABEL,
  lastOf,
  regionOf,
  RULE,
} from "./resources.ts";

/** Compute Engine, as far as machines need it: reads, and changes that are waited for. */
export class Compute {
  readonly api: GoogleApi;
  readonly #signal: AbortSignal;

  constructor(api: GoogleApi, signal: AbortSignal) {
    this.api = api;
    this.#signal = signal;
  }

  under(signal: AbortSignal): Compute {
    return new Compute(this.api, signal);
  }

  #path(scope: string, rest: string): string {
    return `projects/${this.api.project}/${scope}/${rest}`;
  }

  async find<T>(scope: string, rest: string): Promise<T | undefined> {
    return await this.api.find<T>(this.#read(scope, rest));
  }

  async get<T>(scope: string, rest: string, query: Record<string, string> = {}): Promise<T> {
    return await this.api.call<T>({ ...this.#read(scope, rest), query });
  }

  #read(scope: string, rest: string): { service: "compute"; method: "GET"; path: string; signal: AbortSignal } {
    return { service: "compute", method: "GET", path: this.#path(scope, rest), signal: this.#signal };
  }

  /** Makes or changes something, once however often it is sent, and waits until it is done. */
  async change(
    method: "POST" | "DELETE",
    { scope, rest, body }: { scope: string; rest: string; body?: unknown },
    onWait: OnWait,
  ): Promise<void> {
    const call = { service: "compute" as const, method, path: this.#path(scope, rest), signal: this.#signal };
    const query = { requestId: randomUUID() };
    await computeDone(this.api, { ...call, query, ...(body === undefined ? {} : { body }) }, onWait);
  }

  /** All machines of the project. */
  async instances(): Promise<Instance[]> {
    return await this.#aggregated<Instance>("instances");
  }

  /** Addresses of all regions that are labelled as ours. */
  async addresses(): Promise<(Address & { region: string })[]> {
    const all = await this.#aggregated<Address & { region?: string }>("addresses");
    return all.flatMap((address) =>
      address.labels?.[CLOUD_LABEL] === undefined || address.region === undefined
        ? []
        : [{ ...address, region: lastOf(address.region) }],
    );
  }

  async #aggregated<T>(what: "instances" | "addresses"): Promise<T[]> {
    interface Page {
      items?: Record<string, Record<string, T[] | undefined>>;
      nextPageToken?: string;
    }
    const found: T[] = [];
    for (let token: string | undefined = ""; token !== undefined;) {
      const page: Page = await this.get("aggregated", what, token === "" ? {} : { pageToken: token });
      for (const scope of Object.values(page.items ?? {})) found.push(...(scope[what] ?? []));
      token = page.nextPageToken;
    }
    return found;
  }

  async rule(): Promise<Firewall | undefined> {
    return await this.find<Firewall>("global", `firewalls/${RULE}`);
  }
}

/** An instance as every cloud's machines are told of. */
export function machineOf(instance: Instance, addresses: readonly Address[]): CloudMachine {
  const [port] = instance.networkInterfaces ?? [];
  const external = port?.accessConfigs?.[0]?.natIP;
  const type = lastOf(instance.machineType);
  const diskGb = (instance.disks ?? []).reduce((sum, disk) => sum + Number(disk.diskSizeGb ?? 0), 0);
  const reserved = addresses.some((address) => address.name === instance.name || address.address === external);
  const monthly = monthlyOf(type, diskGb, reserved);
  return {
    name: instance.name,
    zone: lastOf(instance.zone),
    status: instance.status,
    type,
    ...(external === undefined ? {} : { external }),
    ...(port?.networkIP === undefined ? {} : { internal: port.networkIP }),
    reserved,
    ours: isOurs(instance, instance.name),
    ...(monthly === undefined ? {} : { monthly }),
  };
}

export const zonal = (zone: string): string => `zones/${zone}`;
export const regional = (zone: string): string => `regions/${regionOf(zone)}`;
