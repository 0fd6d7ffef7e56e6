import { sleep } from "drayage-clock";
import { asFailure } from "../../../base/failure.ts";
import type { Kube, Which } from "./api.ts";
import { type Kind, type KubeObject, pathOf, resourceOf } from "./kinds.ts";
import { streamLines } from "./lines.ts";

/** A watch ends by itself, so that one whose connection is dead is not waited on for ever. */
const WATCH_S = 60;
const AGAIN_MS = 300;
/** A server that only refuses is not asked for ever. */
const PATIENCE = 5;

interface Event {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: KubeObject;
}

/** Objects that are followed, and who looks at them: at all of them, after each change. */
export interface Followed<R> {
  kind: Kind;
  which: Which;
  /** Undefined: there is more to come. A kind's reader knows which objects it gets. */
  seen(objects: readonly KubeObject[]): R | undefined | Promise<R | undefined>;
}

/**
 * Hands over all objects of a kind, and again after each change, until `seen` answers something. A watch that ends is begun
 * anew where it was; one that is told that its place is gone (410) lists again. @throws Failure kubernetes.*, and what `seen` throws
 */
export async function follow<R>(kube: Kube, followed: Followed<R>, signal: AbortSignal): Promise<R> {
  for (let failed = 0; ;) {
    signal.throwIfAborted();
    try {
      const found = await once(kube.under(signal), followed);
      if (found !== undefined) return found.answer;
      failed = 0;
    } catch (error) {
      failed += 1;
      // What the reader says of what it saw is the end of it; a connection that broke is not.
      if (!isPassing(error) || failed >= PATIENCE) throw error;
    }
    await sleep(AGAIN_MS, signal);
  }
}

function isPassing(error: unknown): boolean {
  const { code } = asFailure(error);
  return code === "connection-lost" || code === "kubernetes.unreachable" || code === "kubernetes.failed";
}

/** One list, and the watches that go on from it. Undefined: its place is gone, or it was quiet for its time. */
async function once<R>(kube: Kube, followed: Followed<R>): Promise<{ answer: R } | undefined> {
  const { kind, which } = followed;
  const { items, resourceVersion } = await kube.list(kind, which);
  const objects = new Map(items.map((each) => [each.metadata.name, each]));
  const first = await followed.seen([...objects.values()]);
  if (first !== undefined) return { answer: first };
  const namespace = which.everywhere === true ? undefined : kube.namespace;
  const query = new URLSearchParams({
    watch: "1",
    resourceVersion,
    timeoutSeconds: String(WATCH_S),
    allowWatchBookmarks: "true",
    ...(which.selector === undefined ? {} : { labelSelector: which.selector }),
    ...(which.name === undefined ? {} : { fieldSelector: `metadata.name=${which.name}` }),
  });
  const path = `${pathOf(kind, namespace)}?${query.toString()}`;
  const asked = { verb: "watch", resource: resourceOf(kind), namespace };
  const stream = await kube.stream(path, asked);
  try {
    for await (const line of streamLines(stream)) {
      const { type, object } = JSON.parse(line) as Event;
      if (type === "ERROR") return undefined;
      if (type === "BOOKMARK") continue;
      if (type === "DELETED") objects.delete(object.metadata.name);
      else objects.set(object.metadata.name, object);
      const answer = await followed.seen([...objects.values()]);
      if (answer !== undefined) return { answer };
    }
    return undefined;
  } finally {
    stream.destroy();
  }
}
