import { sleep, within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import type { Call, GoogleApi } from "./api.ts";
import { quota } from "./refused.ts";

/** A Compute operation: where it stands, and what went wrong. */
export interface ComputeOperation {
  name: string;
  status: "PENDING" | "RUNNING" | "DONE";
  zone?: string;
  region?: string;
  error?: { errors?: { code?: string; message?: string }[] };
  progress?: number;
}

/** A long-running operation of the newer services (google.longrunning.Operation). */
export interface Operation<T> {
  name: string;
  done?: boolean;
  error?: { code?: number; message?: string };
  metadata?: { genericMetadata?: { partialFailures?: unknown[] } };
  response?: T;
}

/** Told while an operation runs. */
export type OnWait = (note: string) => void;

/** Asks for something that takes its time, and waits until it is done (`wait` answers after two minutes at the latest). @throws Failure google.* */
export async function computeDone(api: GoogleApi, call: Call, onWait: OnWait): Promise<void> {
  let operation = await api.call<ComputeOperation>(call);
  while (operation.status !== "DONE") {
    onWait(`${operation.status.toLowerCase()}${operation.progress === undefined ? "" : ` ${operation.progress} %`}`);
    operation = await api.call<ComputeOperation>({
      service: "compute",
      method: "POST",
      path: `projects/${api.project}/${scopeOf(operation)}/operations/${operation.name}/wait`,
      signal: call.signal,
    });
  }
  const [error] = operation.error?.errors ?? [];
  if (error !== undefined)
    throw failed(error.message ?? error.code ?? "no reason given", error.code ?? "", api.project);
}

function scopeOf({ zone, region }: ComputeOperation): string {
  if (zone !== undefined) return `zones/${zone.split("/").pop()}`;
  return region === undefined ? "global" : `regions/${region.split("/").pop()}`;
}

const EVERY_MS = 2000;
const CANCEL_MS = 10_000;

/** The same for a long-running operation; returns its response. @throws Failure google.* */
export async function operationDone<T>(api: GoogleApi, call: Call, onWait: OnWait): Promise<T> {
  let operation = await api.call<Operation<T>>(call);
  const startedAt = performance.now();
  const { service, signal } = call;
  const place = call.location === undefined ? {} : { location: call.location };
  for (let tries = 0; operation.done !== true; tries++) {
    try {
      // The first looks come close after each other: what is quick is not waited for.
      await sleep(Math.min(EVERY_MS, 100 * 2 ** tries), signal);
      onWait(`${Math.round((performance.now() - startedAt) / 1000)} s`);
      operation = await api.call({ service, method: "GET", path: `v1/${operation.name}`, ...place, signal });
    } catch (error) {
      if (signal.aborted) await cancel(api, operation.name, { service, ...place });
      throw error;
    }
  }
  const { error } = operation;
  if (error !== undefined)
    throw failed(error.message ?? "no reason given", error.code === 8 ? "RESOURCE_EXHAUSTED" : "", api.project);
  return operation.response as T;
}

/** Asks Google to end what nobody waits for any more; whether it does is its own affair. */
async function cancel(api: GoogleApi, name: string, place: Pick<Call, "service" | "location">): Promise<void> {
  const asked = { ...place, method: "POST", path: `v1/${name}:cancel`, body: {} } as const;
  await within(CANCEL_MS, undefined, (signal) => api.call({ ...asked, signal })).catch(() => undefined);
}

function failed(message: string, code: string, project: string): Failure {
  if (/QUOTA|RESOURCE_EXHAUSTED/.test(code)) return quota(message, project);
  if (/ZONE_RESOURCE_POOL_EXHAUSTED|stockout/i.test(code + message)) {
    return new Failure("google.quota", "Google has no such machine free in that zone just now", {
      hint: "another zone (--zone), or another machine type (--type)",
      details: [message],
    });
  }
  return new Failure("google.failed", "Google began it, and it failed", {
    hint: "run the same command again: it goes on from what is there",
    details: [message],
  });
}
