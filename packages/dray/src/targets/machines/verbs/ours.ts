import type { Belonging } from "../../../contract/answers.ts";
import { OWN_SHELL } from "../../../core/own-shell.ts";
import { EDGE_VOLUME } from "../../../edge/edge.ts";
import type { Engine } from "../../../machine/engine.ts";
import { KEEPER_VOLUME } from "../keeper/keeper-setup.ts";

/** Engines make these volumes when a container first names them, and then without a label. */
const NAMED = new Set<string>([EDGE_VOLUME.name, KEEPER_VOLUME.name, OWN_SHELL.volume]);

interface Volume {
  Name: string;
  Labels: Record<string, string> | null;
}

/** Everything on a machine that dray has made there, in the order in which it can be removed. */
export async function belongings(engine: Engine, signal: AbortSignal): Promise<Belonging[]> {
  const ours = { label: ["dray.role"] };
  const [containers, networks, { Volumes: volumes }, images] = await Promise.all([
    engine.get<{ Names: string[] }[]>("/containers/json", { query: { all: true, filters: ours }, signal }),
    engine.get<{ Name: string }[]>("/networks", { query: { filters: ours }, signal }),
    engine.get<{ Volumes: Volume[] | null }>("/volumes", { signal }),
    engine.get<{ RepoTags: string[] | null }[]>("/images/json", {
      query: { filters: { reference: ["dray/*"] } },
      signal,
    }),
  ]);
  return [
    ...containers.map(({ Names: [name = ""] }): Belonging => ({ kind: "container", name: name.slice(1) })),
    ...networks.map(({ Name: name }): Belonging => ({ kind: "network", name })),
    ...(volumes ?? []).flatMap(belongingVolume),
    ...tagsOf(images).map((name): Belonging => ({ kind: "image", name })),
  ];
}

function belongingVolume({ Name: name, Labels: labels }: Volume): Belonging[] {
  const role = labels?.["dray.role"];
  if (role === undefined && !NAMED.has(name)) return [];
  return [{ kind: "volume", name, ...(role === "data" ? { data: true } : {}) }];
}

/** An image may have names of other people, too: only ours are removed. */
function tagsOf(images: readonly { RepoTags: string[] | null }[]): string[] {
  return images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => tag.startsWith("dray/"));
}
