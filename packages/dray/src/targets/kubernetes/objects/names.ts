import type { Release } from "../../../core/release.ts";
import type { Meta } from "../client/kinds.ts";

/** Keys of labels. The selector has two of them, since it can never be changed. */
export const LABEL = {
  instance: "app.kubernetes.io/instance",
  release: "drayage/release",
  manager: "app.kubernetes.io/managed-by",
} as const;

const MANAGED_BY = "drayage";
export const MODEL_CONTAINER = "model";
/** The name of a container's port: the Service leads to it by this name. */
export const PORT = "http";

/** The record of a service, and of the lock on it. */
export const recordName = (service: string): string => `${service}-drayage`;
/** A release's objects all have one name, each kind its own. */
export const releaseName = (service: string, release: string): string => `${service}-${release}`;
export const envSecretName = (service: string, release: string): string => `${releaseName(service, release)}-env`;

/** The release that a name of its objects is of. */
export function releaseIn(service: string, name: string): string | undefined {
  return name.startsWith(`${service}-`) ? name.slice(service.length + 1) : undefined;
}

/** Everything of a service's that dray made. */
export const oursOf = (service: string): string => `${LABEL.instance}=${service},${LABEL.manager}=${MANAGED_BY}`;
/** What is of one release. */
export const ofRelease = (service: string, release: string): string =>
  `${LABEL.instance}=${service},${LABEL.release}=${release}`;

/** Labels of an object of a service's. */
export function serviceLabels(service: string): Record<string, string> {
  return {
    "app.kubernetes.io/name": service,
    [LABEL.instance]: service,
    "app.kubernetes.io/part-of": service,
    [LABEL.manager]: MANAGED_BY,
  };
}

/** Labels of an object of a release's, its pods among them. */
export function releaseLabels({ service, id }: Pick<Release, "service" | "id">): Record<string, string> {
  return {
    ...serviceLabels(service),
    "app.kubernetes.io/version": id,
    "app.kubernetes.io/component": "model",
    [LABEL.release]: id,
  };
}

export function selectorOf({ service, id }: Pick<Release, "service" | "id">): Record<string, string> {
  return { [LABEL.instance]: service, [LABEL.release]: id };
}

/** An object that goes when this one goes. */
export interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

/** What every object of a release's begins with. */
export function metaOf(
  release: Pick<Release, "service" | "id">,
  owner: Owner | undefined,
  name: string = releaseName(release.service, release.id),
): Meta {
  return {
    name,
    labels: releaseLabels(release),
    ...(owner === undefined ? {} : { ownerReferences: [owner] }),
  };
}
