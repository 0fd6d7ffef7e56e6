import type { Release } from "../../packages/dray/src/core/release.ts";
import type { Kept } from "../../packages/dray/src/edge/state.ts";
import type { KubeWanted } from "../../packages/dray/src/targets/kubernetes/objects/wanted.ts";

type Settings = Release["settings"];

/** A release for tests that are about something else: what they are about is said, the rest is here. */
export function releaseOf(
  id: string,
  { limits, ...settings }: Partial<Omit<Settings, "limits">> & { limits?: Partial<Settings["limits"]> } = {},
  more: Partial<Omit<Release, "id" | "settings">> = {},
): Release {
  return {
    id,
    service: "decisions",
    image: "api:1",
    digest: "sha256:1",
    settings: {
      replicas: 1,
      env: {},
      secrets: [],
      ...settings,
      limits: { timeoutMs: 1000, readyMs: 1000, drainMs: 1000, ...limits },
    },
    from: { who: "me", at: "2026-01-01T00:00:00Z" },
    ...more,
  };
}

/** The same, as the state of a machine keeps it. */
export function keptOf(release: Release, replicas: Kept["replicas"] = []): Kept {
  return { release, replicas, deployedAt: "2026-01-01T00:00:00Z" };
}

/** What a cluster is asked for, of a release. */
export function kubeWanted(release: Release, more: Partial<Omit<KubeWanted, "release">> = {}): KubeWanted {
  return {
    release,
    image: "registry/decisions@sha256:1",
    port: 8080,
    size: { min: 1, max: 1 },
    user: {},
    ...more,
  };
}
