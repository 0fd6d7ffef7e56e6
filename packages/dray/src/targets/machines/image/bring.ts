import type { Context } from "../../../core/context.ts";
import { Failure } from "../../../base/failure.ts";
import { forgetToken } from "../../../google/token.ts";
import { engineAuth } from "../../../oci/login.ts";
import { nameOf, parseReference } from "../../../oci/reference.ts";
import { explainRefusal } from "../../../oci/refused.ts";
import { EngineError, isMissing } from "../../../machine/engine.ts";
import { carry, explainPull, type PullLine } from "../../../registries/direct.ts";
import { sendParts } from "../../../registries/parts.ts";
import type { Work } from "../plan/work.ts";
import type { Direct, MachineStep, ImageSource } from "../plan/steps.ts";

const TELL_EVERY_MS = 100;

/** What a release's image is called on its machine. */
export function imageName(release: { service: string; id: string }): string {
  return `dray/${release.service}:${release.id}`;
}

/** Brings the release's image to the machine, however the plan says. Resolves to a note for people. @throws Failure image.*, machine.disk-full */
export async function bring(work: Work, step: MachineStep & { kind: "carry" }, context: Context): Promise<string> {
  if (step.source.via === "here") return "here already";
  if (step.source.via === "tag") return await rename(work, step.source.image, context);
  if (step.source.via === "pull") return await pull(work, step, step.source, context);
  const onBytes = meter(step, context);
  const sent = (await asParts(work, step.source, onBytes, context)) ?? (await whole(work, onBytes, context));
  work.bytesSent += sent;
  return `${(sent / 1e6).toFixed(2)} MB sent`;
}

async function rename(work: Work, image: string, { signal }: Context): Promise<string> {
  const { service, id } = work.release;
  await work.site.machine.engine.post(`/images/${encodeURIComponent(image)}/tag`, {
    query: { repo: `dray/${service}`, tag: id },
    signal,
  });
  return "here already";
}

/** The machine's engine pulls; the login travels with the request, and nothing of it stays there. */
async function pull(
  work: Work,
  step: MachineStep & { kind: "carry" },
  source: Pull,
  context: Context,
): Promise<string> {
  const { engine } = work.site.machine;
  const { service, id, digest } = work.release;
  const { signal } = context;
  const pulled = `${nameOf(parseReference(source.reference))}@${digest}`;
  const there = await engine.get(`/images/${pulled}/json`, { signal }).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
  if (!there) await patiently(work, step, source, context);
  await engine.post(`/images/${pulled}/tag`, { query: { repo: `dray/${service}`, tag: id }, signal });
  // By its other name it would stay when the release goes; one that somebody else pulled is theirs.
  if (!there) await engine.call("DELETE", `/images/${pulled}`, { query: { noprune: true }, signal });
  return there ? "here already" : "pulled";
}

type Pull = ImageSource & { via: "pull" };

/** A token may end in the middle of a large image: the layers that came are kept, and the rest is pulled with a new one. */
async function patiently(
  work: Work,
  step: MachineStep & { kind: "carry" },
  source: Pull,
  context: Context,
): Promise<void> {
  const { engine, name: where } = work.site.machine;
  const { signal } = context;
  const reference = parseReference(source.reference);
  const onBytes = meter(step, context);
  for (let attempt = 1; ; attempt++) {
    const login = await work.findLogin(reference.registry, signal);
    const layers = new Map<string, number>();
    try {
      for await (const line of engine.stream<PullLine>("POST", "/images/create", {
        query: { fromImage: nameOf(reference), tag: work.release.digest },
        headers: engineAuth(reference.registry, login),
        signal,
      })) {
        const { current } = line.progressDetail ?? {};
        if (line.id === undefined || line.status !== "Downloading" || current === undefined) continue;
        layers.set(line.id, current);
        const sum = [...layers.values()].reduce((all, each) => all + each, 0);
        if (source.bytes !== undefined) onBytes(Math.min(sum, source.bytes), source.bytes);
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      const failure = explainPull(error, where, () => explainRefusal(error, { reference, where, login }));
      if (attempt > 1 || !(failure instanceof Failure) || failure.code !== "registry.unauthorized") throw failure;
      forgetToken();
    }
  }
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
async function asParts(work: Work, source: Direct, onBytes: OnBytes, context: Context): Promise<number | undefined> {
  if (source.parts === undefined) return undefined;
  const parts = { digest: work.release.digest, missing: source.parts, name: imageName(work.release) };
  try {
    return await sendParts(work.site.machine, parts, onBytes, context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    return undefined;
  }
}

async function whole(work: Work, onBytes: OnBytes, context: Context): Promise<number> {
  const { digest, service: name, id: tag } = work.release;
  return await carry(work.site.machine, { digest, name, tag }, onBytes, context.signal);
}
