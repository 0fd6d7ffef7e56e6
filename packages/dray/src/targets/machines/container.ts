import type { Release } from "../../core/release.ts";
import { networkOf } from "./network.ts";

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

export function containerName(release: Release, replica: number): string {
  return `dray-${release.service}-${release.id}-${replica + 1}`;
}

/** The body of POST /containers/create for one replica: no published port, a fixed address, a cage. */
export function replicaContainer(
  release: Release,
  replica: number,
  image: string,
  address: string,
  env: readonly string[],
  secrets: { Entrypoint?: string[]; Cmd?: string[]; mounts: object[]; env: string[] },
): object {
  const { limits } = release.settings;
  const network = networkOf(release);
  return {
    Image: image,
    Env: [...env, ...secrets.env],
    ...(secrets.Entrypoint === undefined ? {} : { Entrypoint: secrets.Entrypoint, Cmd: secrets.Cmd }),
    Labels: {
      "dray.role": "replica",
      "dray.service": release.service,
      "dray.release": release.id,
      "dray.replica": String(replica + 1),
      "dray.address": address,
    },
    HostConfig: {
      ...CAGE,
      ...(limits.memory === undefined ? {} : { Memory: limits.memory, MemorySwap: limits.memory }),
      ...(limits.cpus === undefined ? {} : { NanoCpus: Math.round(limits.cpus * 1e9) }),
      ...(limits.gpus === undefined
        ? {}
        : { DeviceRequests: [{ Driver: "nvidia", Count: limits.gpus, Capabilities: [["gpu"]] }] }),
      ...(release.settings.readOnly === true ? { ReadonlyRootfs: true, Tmpfs: { "/tmp": "size=64m,mode=1777" } } : {}),
      Mounts: secrets.mounts,
      NetworkMode: network,
      // Until the release is proved, a crash must stay visible instead of turning into a loop.
      RestartPolicy: { Name: "no" },
    },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: address } } } },
  };
}
