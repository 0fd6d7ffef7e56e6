import { randomBytes } from "node:crypto";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import type { Context } from "../core/context.ts";
import type { Cargo, OnBytes, Registry } from "../core/registry.ts";
import { EngineError, isMissing, type Engine } from "../machine/engine.ts";
import { local } from "../machine/local.ts";
import type { Machine } from "../machine/machine.ts";
import { ContentStore } from "../oci/content-store.ts";
import { layersOf, manifestOf } from "../oci/image-layers.ts";
import { registryAuth, RegistryServer } from "./registry-server.ts";

/**
 * The push goes to the same loopback port every time when it can: the engine remembers per registry
 * which layers it has pushed, and then neither compresses nor sends them again.
 */
const PUSH_PORT = 47_711;

/** Under this the engine of this computer pushes. */
const TAG = "carry";

/** No registry: the image is served from this process and pulled by the machine's own engine, over SSH. */
export const direct: Registry = {
  kind: "direct",
  load: async (reference, name, context) => {
    await using here = await local(context.signal);
    return await load(here.engine, reference, name, context);
  },
};

/** Has the local engine push an image into our content store: only layers that were never pushed are read and compressed. */
async function load(engine: Engine, reference: string, name: string, context: Context): Promise<Cargo> {
  const { signal } = context;
  const store = new ContentStore();
  await store.open();
  let pushed: string | undefined;
  const layers = new Map<string, [done: number, total: number]>();
  const password = randomBytes(24).toString("hex");
  await using server = new RegistryServer(store, true, {
    password,
    expected: { repository: `dray/${name}`, tag: TAG },
    onManifest: (digest) => (pushed = digest),
  });
  const repository = `127.0.0.1:${await server.listen(PUSH_PORT)}/dray/${name}`;
  const query = { repo: repository, tag: TAG };
  await engine.post(`/images/${encodeURIComponent(reference)}/tag`, { query, signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    throw new Failure("image.not-found", `there is no image ${reference} on this computer`, {
      hint: "docker images lists what there is",
      cause: error,
    });
  });
  try {
    for await (const line of engine.stream<PullLine>("POST", `/images/${repository}/push`, {
      query: { tag: TAG },
      headers: registryAuth(password),
      signal,
    })) {
      const { current = 0, total = 0 } = line.progressDetail ?? {};
      if (line.id === undefined || line.status !== "Pushing" || total === 0) continue;
      layers.set(line.id, [Math.min(current, total), total]);
      const sum = (index: 0 | 1): number => [...layers.values()].reduce((all, pair) => all + pair[index], 0);
      context.emit({ type: "step.progress", step: "load", on: "here", done: sum(0), total: sum(1), unit: "bytes" });
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new Failure("image.carry-failed", `the engine of this computer could not hand over ${reference}`, {
      hint: "is Docker running in a VM of its own (Docker Desktop)? then it cannot reach this process yet: push to a registry instead",
      details: [error.message],
      cause: error,
    });
  } finally {
    await within(5000, undefined, (fresh) =>
      engine.call("DELETE", `/images/${repository}:${TAG}`, { query: { noprune: true }, signal: fresh }),
    );
  }
  if (pushed === undefined)
    throw new Failure("image.carry-failed", `the engine of this computer pushed no manifest for ${reference}`);
  const whole = (await manifestOf(store, pushed)).layers !== undefined;
  return { digest: pushed, whole, layers: await layersOf(store, pushed) };
}

/** What the machine has from before, as far as this computer knows: layers of images it carried there. */
export async function knownLayers(digests: readonly string[]): Promise<Set<string>> {
  const store = new ContentStore();
  const found = await Promise.all(
    digests.map(async (digest) => ((await store.size(digest)) === undefined ? [] : await layersOf(store, digest))),
  );
  return new Set(found.flat().map((layer) => layer.digest));
}

/** A line of an engine's progress. */
export interface PullLine {
  id?: string;
  status?: string;
  progressDetail?: { current?: number; total?: number };
}

/**
 * Brings an image onto a machine: its own engine pulls it by digest from this process, through the machine's tunnel.
 * Only layers the machine lacks travel. Returns the bytes sent.
 * @throws Failure image.carry-failed, machine.disk-full, ssh.forwarding-denied
 */
export async function carry(
  machine: Machine,
  { digest, name, tag }: { digest: string; name: string; tag: string },
  onBytes: OnBytes,
  signal: AbortSignal,
): Promise<number> {
  const count = { sent: 0, total: 0 };
  const password = randomBytes(24).toString("hex");
  await using server = new RegistryServer(new ContentStore(), false, {
    // Through the tunnel all users of the machine reach it.
    password,
    onBlob: (bytes) => onBytes(count.sent, (count.total += bytes)),
    onSent: (bytes) => onBytes((count.sent += bytes), count.total),
  });
  await using tunnel = await machine.lend(await server.listen(), signal);
  const repository = `127.0.0.1:${tunnel.port}/dray/${name}`;
  try {
    for await (const _line of machine.engine.stream<PullLine>("POST", "/images/create", {
      query: { fromImage: repository, tag: digest },
      headers: registryAuth(password),
      signal,
    }));
  } catch (error) {
    throw explainPull(error, machine.name, () => notArrived(error, machine.name));
  }
  const pulled = `${repository}@${digest}`;
  await machine.engine.post(`/images/${pulled}/tag`, { query: { repo: `dray/${name}`, tag }, signal });
  await machine.engine
    .call("DELETE", `/images/${pulled}`, { query: { noprune: true }, signal })
    .catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  return count.sent;
}

/** Why an engine could not pull; `otherwise` where it is not the disk. */
export function explainPull(error: unknown, machine: string, otherwise: () => Failure): unknown {
  if (!(error instanceof EngineError)) return error;
  if (/no space left/.test(error.message)) {
    return new Failure("machine.disk-full", `the disk of ${machine} filled up while the image arrived`, {
      hint: `ssh ${machine} docker system df; then docker image prune, or a larger disk`,
      details: [error.message],
      cause: error,
    });
  }
  return otherwise();
}

function notArrived(error: unknown, machine: string): Failure {
  return new Failure("image.carry-failed", `the image did not arrive on ${machine}`, {
    hint: "run the same command again: the layers that arrived are kept",
    details: [error instanceof Error ? error.message : String(error)],
    cause: error,
  });
}
