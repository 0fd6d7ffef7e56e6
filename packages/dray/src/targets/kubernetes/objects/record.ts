import type { ConfigMap } from "kubernetes-types/core/v1.js";
import type { Lease } from "kubernetes-types/coordination/v1.js";
import * as z from "zod";
import { Failure } from "../../../base/failure.ts";
import type { KubeObject } from "../client/kinds.ts";
import { type Owner, recordName, serviceLabels } from "./names.ts";
import { RELEASE_KEY } from "./release.ts";
import type { KubeWanted } from "./wanted.ts";

/** The annotation of a lease that names the process which holds it. */
export const HOLDER = "drayage/process";
const RECORD_KEY = "record.json";
const VERSION = 1;

const shape = z.object({
  v: z.number(),
  current: z.string().optional(),
  previous: z.string().optional(),
  standby: z.boolean().default(true),
  served: z.array(z.string()).default([]),
});

/** Which release has the traffic, which one had it before, and all that ever had it: those alone are gone back to. */
export type Record = z.infer<typeof shape>;

export interface ConfigMapObject extends KubeObject {
  data?: { [key: string]: string };
  immutable?: boolean;
}

export interface LeaseObject extends KubeObject {
  spec?: { holderIdentity?: string; leaseDurationSeconds?: number; renewTime?: string };
}

/** The record of a service. `version`: of the one that was read, which nobody may have changed since. */
export function recordMap(service: string, record: Omit<Record, "v">, version?: string): ConfigMapObject {
  const body = {
    metadata: {
      name: recordName(service),
      labels: { ...serviceLabels(service), "app.kubernetes.io/component": "record" },
      ...(version === undefined ? {} : { resourceVersion: version }),
    },
    data: { [RECORD_KEY]: JSON.stringify({ v: VERSION, ...record }) },
  } satisfies ConfigMap;
  return { apiVersion: "v1", kind: "ConfigMap", ...body };
}

/** @throws Failure kubernetes.taken, where a newer dray wrote it */
export function readRecord({ metadata, data }: ConfigMapObject): Record {
  const text = data?.[RECORD_KEY] ?? `{"v":${VERSION}}`;
  const record = shape.parse(JSON.parse(text));
  if (record.v <= VERSION) return record;
  throw new Failure("kubernetes.taken", `${metadata.name} was written by a newer dray`, { hint: "npm i -g drayage" });
}

/** The release that a ConfigMap has; undefined: it is another one of ours. */
export function readRelease({ data }: ConfigMapObject): KubeWanted | undefined {
  const text = data?.[RELEASE_KEY];
  if (text === undefined) return undefined;
  const { v: _version, ...wanted } = JSON.parse(text) as KubeWanted & { v: number };
  return wanted;
}

/** An object as the owner of others. */
export function ownerOf({ apiVersion, kind, metadata }: KubeObject): Owner {
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? "" };
}

/** The lock on a service, held by `who` since `at` (ISO 8601). */
export function leaseOf(
  service: string,
  held: { who: string; at: string; seconds: number; process: string },
  before?: { version: string | undefined; owner: Owner | undefined },
): LeaseObject {
  const { version, owner } = before ?? {};
  const body = {
    metadata: {
      name: recordName(service),
      labels: serviceLabels(service),
      annotations: { [HOLDER]: held.process },
      ...(version === undefined ? {} : { resourceVersion: version }),
      ...(owner === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: { holderIdentity: held.who, leaseDurationSeconds: held.seconds, renewTime: held.at },
  } satisfies Lease;
  return { apiVersion: "coordination.k8s.io/v1", kind: "Lease", ...body };
}
