import type { Limits, Release, Volume } from "../../../core/release.ts";
import { networkOf } from "./network.ts";
import { bringsInit, environmentOf, type ProgramConfig, programOf } from "./program.ts";
import { type Mounted, withVariables } from "./secrets.ts";
import { weightsMounts } from "./weights-volumes.ts";

/** Capabilities that ordinary images need to change their user or bind a low port; everything else is dropped. */
const CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"];

/**
 * Log rotation, an init that reaps and forwards signals, no new privileges, bounded processes. `nofile` is left to the
 * engine (1,048,576 on a VM): an engine that runs in a container may not raise it, and then nothing would start.
 */
export const CAGE = {
  CapDrop: ["ALL"],
  CapAdd: CAPABILITIES,
  SecurityOpt: ["no-new-privileges"],
  PidsLimit: 1024,
  Init: true,
  LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
};

/** The role of a container that runs one program before a release. */
export const BEFORE = "before";

export function containerName(release: Release, replica: number): string {
  return `dray-${release.service}-${release.id}-${replica + 1}`;
}

/** A replica to be: where it goes, what its program is given, and what its image says. */
export interface Wanted {
  replica: number;
  image: string;
  /** Fixed, in the service's network. */
  address: string;
  config: ProgramConfig;
  secrets: Mounted;
}

/** The body of POST /containers/create for one replica: no published port, a fixed address, a cage. */
export function replicaContainer(release: Release, { replica, image, address, config, secrets }: Wanted): object {
  const { run } = release.settings;
  const network = networkOf(release);
  return {
    Image: image,
    Env: [...environmentOf(release, config), ...secrets.env],
    ...programOf(release, config),
    ...(run?.user === undefined ? {} : { User: run.user }),
    ...(run?.stopSignal === undefined ? {} : { StopSignal: run.stopSignal }),
    Labels: {
      "dray.role": "replica",
      "dray.service": release.service,
      "dray.release": release.id,
      "dray.replica": String(replica + 1),
      "dray.address": address,
    },
    HostConfig: {
      ...CAGE,
      ...limitsOf(release.settings.limits),
      Init: run?.init ?? !bringsInit(config),
      ...(run?.runtime === undefined ? {} : { Runtime: run.runtime }),
      ...(run?.hosts === undefined
        ? {}
        : { ExtraHosts: Object.entries(run.hosts).map(([name, at]) => `${name}:${at}`) }),
      ...(release.settings.readOnly === true ? { ReadonlyRootfs: true, Tmpfs: { "/tmp": "size=64m,mode=1777" } } : {}),
      Mounts: [
        ...secrets.mounts,
        ...volumeMounts(release.service, release.settings.run?.volumes),
        ...weightsMounts(release),
      ],
      NetworkMode: network,
      // Until the release is proved, a crash must stay visible instead of turning into a loop.
      RestartPolicy: { Name: "no" },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } },
  };
}

/** The body for a container of a release that runs one program to its end: as a replica is, but for its program and its address. */
export function onceContainer(
  release: Release,
  wanted: Pick<Wanted, "image" | "config" | "secrets">,
  argv: readonly string[],
): object {
  const network = networkOf(release);
  return {
    ...replicaContainer(release, { ...wanted, replica: 0, address: "" }),
    Entrypoint: withVariables(release, argv),
    Cmd: [],
    Healthcheck: { Test: ["NONE"] },
    Labels: { "dray.role": BEFORE, "dray.service": release.service, "dray.release": release.id },
    // Any address that is free: replicas' own begin further up.
    NetworkingConfig: { EndpointsConfig: { [network]: {} } },
  };
}

/** A service's own volume on its machine; it stays when releases go. */
const volumeName = (service: string, volume: string): string => `dray-data-${service}-${volume}`;

/** The mounts of volumes; `prefix` stands before the names of those that are the service's own. */
export function volumeMounts(service: string, volumes: Record<string, Volume> = {}, prefix: string = ""): object[] {
  return Object.entries(volumes).map(([name, { at, from, write }]) => ({
    Target: at,
    ReadOnly: write !== true,
    ...(from === undefined
      ? {
          Type: "volume",
          Source: volumeName(service, prefix + name),
          VolumeOptions: { Labels: { "dray.role": "data", "dray.service": service } },
        }
      : { Type: from.startsWith("/") ? "bind" : "volume", Source: from }),
  }));
}

/** A container's limits in the engine's words. */
export function limitsOf(limits: Partial<Limits>): object {
  const { memory, cpus, gpus, shm, pids, nofile, disk } = limits;
  return {
    ...(memory === undefined ? {} : { Memory: memory, MemorySwap: memory }),
    ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
    ...(gpus === undefined ? {} : { DeviceRequests: [{ Driver: "nvidia", Count: gpus, Capabilities: [["gpu"]] }] }),
    ...(shm === undefined ? {} : { ShmSize: shm }),
    ...(pids === undefined ? {} : { PidsLimit: pids }),
    ...(nofile === undefined ? {} : { Ulimits: [{ Name: "nofile", Soft: nofile, Hard: nofile }] }),
    ...(disk === undefined ? {} : { StorageOpt: { size: String(disk) } }),
  };
}
