import type { Context } from "../../core/context.ts";
import { EngineError } from "../../machine/engine.ts";
import { carry } from "../../registries/direct.ts";
import { sendParts } from "../../registries/parts.ts";
import type { Job } from "./job.ts";
import type { Direct, MachineStep } from "./steps.ts";

const TELL_EVERY_MS = 100;

/** What a release's image is called on its machine. */
export function imageName(release: { service: string; id: string }): string {
  return `dray/${release.service}:${release.id}`;
}

/** Brings the release's image to the machine, however the plan says. Resolves to a note for people. @throws Failure image.*, machine.disk-full */
export async function bring(job: Job, step: MachineStep & { kind: "carry" }, context: Context): Promise<string> {
  if (step.source.via === "here") return "here already";
  if (step.source.via === "tag") return await rename(job, step.source.image, context);
  if (step.source.via === "pull") return await pull(job, step.source.reference, context);
  const onBytes = meter(step, context);
  const sent = (await asParts(job, step.source, onBytes, context)) ?? (await whole(job, onBytes, context));
  job.bytesSent += sent;
  return `${(sent / 1e6).toFixed(2)} MB sent`;
}

async function rename(job: Job, image: string, { signal }: Context): Promise<string> {
  const { service, id } = job.release;
  await job.site.machine.engine.post(`/images/${encodeURIComponent(image)}/tag`, {
    query: { repo: `dray/${service}`, tag: id },
    signal,
  });
  return "here already";
}

async function pull(job: Job, reference: string, context: Context): Promise<string> {
  const { engine } = job.site.machine;
  const { service, id } = job.release;
  const { signal } = context;
  for await (const _line of engine.stream("POST", "/images/create", { query: { fromImage: reference }, signal }));
  const query = { repo: `dray/${service}`, tag: id };
  await engine.post(`/images/${encodeURIComponent(reference)}/tag`, { query, signal });
  return "pulled";
}

type OnBytes = (done: number, total: number) => void;

/** Tells of bytes, but not of each. */
function meter(step: MachineStep, context: Context): OnBytes {
  let told = 0;
  return (done, total) => {
    if (performance.now() - told < TELL_EVERY_MS && done < total) return;
    told = performance.now();
    context.emit({ type: "step.progress", step: "carry", on: step.on, done, total, unit: "bytes" });
  };
}

/** Undefined when it cannot be done so: a layer was removed by hand, say. */
async function asParts(job: Job, source: Direct, onBytes: OnBytes, context: Context): Promise<number | undefined> {
  if (source.parts === undefined) return undefined;
  const parts = { digest: job.release.digest, missing: source.parts, name: imageName(job.release) };
  try {
    return await sendParts(job.site.machine, parts, onBytes, context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    return undefined;
  }
}

async function whole(job: Job, onBytes: OnBytes, context: Context): Promise<number> {
  const { digest, service, id } = job.release;
  return await carry(job.site.machine, digest, service, id, onBytes, context.signal);
}
