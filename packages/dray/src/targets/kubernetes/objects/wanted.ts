import type { Release } from "../../../core/release.ts";

/** How many pods: an autoscaler's bounds, or the same number twice. */
export interface Size {
  min: number;
  max: number;
}

/** A release as the cluster is to run it; kept with it, so that it runs the same after a rollback. */
export interface KubeWanted {
  release: Release;
  /** By digest, as nodes pull it. */
  image: string;
  port: number;
  size: Size;
  /** The image's user is a number and not 0: its pods are what PodSecurity calls restricted. */
  user: RunsAs;
  pullSecret?: string;
  serviceAccount?: string;
}

/** Numbers of the user and group, where the image or the manifest names numbers; else the image decides. */
export interface RunsAs {
  uid?: number;
  gid?: number;
}

export const isRestricted = ({ user }: Pick<KubeWanted, "user">): boolean => (user.uid ?? 0) > 0;
