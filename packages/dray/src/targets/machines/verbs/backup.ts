import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Readable } from "node:stream";
import { within } from "drayage-clock";
import { extract, type Extract, type Header, pack, type Pack } from "tar-stream";
import type { BackedUp } from "../../../contract/answers.ts";
import type { Place } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import { Failure } from "../../../base/failure.ts";
import { isUsed } from "../../../edge/state.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import { imageOfEdge } from "../container/one-setup.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { withSite } from "../plan/site.ts";
import { CONTENTS, type Contents, contentsOf, isKept, OWN_VOLUMES, ROOT } from "./backed-up.ts";

/**
 * Hands everything that a machine would need to be the same again to `take`, as a tar archive: state, keys, certificates,
 * history, sealed secrets and the key to them; with `data` what services keep in volumes, too. The services go on.
 * @throws Failure backup.nothing, ssh.*, docker.*
 */
export async function backUp(
  place: Place,
  { data }: { data: boolean },
  take: (archive: Readable) => Promise<void>,
  session: Session,
): Promise<BackedUp> {
  return await withSite(place, session, async (site) => {
    const image = await imageOfEdge(site.machine.engine, session.signal);
    const contents = await survey(site, data, session.signal);
    if (image === undefined || contents.services.length === 0) throw nothing(place.name);
    await withVolumes(site.machine.engine, { image, volumes: contents.volumes }, session.signal, async (path) => {
      const archive = pack();
      const from = await site.machine.engine.bytes("GET", `${path}/archive`, {
        query: { path: `/${ROOT}` },
        signal: session.signal,
      });
      await Promise.all([
        take(asBytes(archive)),
        fill(archive, contents, from).catch((error: unknown) => archive.destroy(error as Error)),
      ]);
    });
    return { machine: place.name, services: contents.services, volumes: contents.volumes.map(({ name }) => name) };
  });
}

function nothing(machine: string): Failure {
  return new Failure("backup.nothing", `${machine} has no service of dray`, { hint: "first: dray deploy" });
}

async function survey(site: Site, data: boolean, signal: AbortSignal): Promise<Contents> {
  if (site.edge === undefined) throw nothing(site.machine.name);
  const { known } = edgeOf(site);
  if (!isUsed(known)) throw nothing(site.machine.name);
  interface Volume {
    Name: string;
    Labels: Record<string, string> | null;
  }
  const { Volumes: found } = await site.machine.engine.get<{ Volumes: Volume[] | null }>("/volumes", { signal });
  const wanted = ({ Name: name, Labels: labels }: Volume): boolean =>
    OWN_VOLUMES.includes(name) || (data && labels?.["dray.role"] === "data");
  const volumes = (found ?? [])
    .filter(wanted)
    .map(({ Name: name, Labels: labels }) => ({ name, labels: labels ?? {} }));
  return contentsOf(site.machine.name, known, volumes);
}

/** How the names of such containers begin. */
export const SHELF = "dray-backup-";

/** Volumes, and the image of a container that can have them. */
export interface Shelf {
  image: string;
  volumes: Contents["volumes"];
}

/** Makes a container that is never started and has volumes under one folder; `act` gets its path in the engine's API. */
export async function withVolumes<T>(
  engine: Engine,
  { image, volumes }: Shelf,
  signal: AbortSignal,
  act: (path: string) => Promise<T>,
): Promise<T> {
  const name = `${SHELF}${randomBytes(4).toString("hex")}`;
  const body = {
    Image: image,
    Entrypoint: [],
    Cmd: ["true"],
    Labels: { "dray.role": "backup" },
    HostConfig: {
      NetworkMode: "none",
      Mounts: volumes.map((each) => ({ Type: "volume", Source: each.name, Target: `/${ROOT}/${each.name}` })),
    },
  };
  await engine.post("/containers/create", { query: { name }, body, signal });
  try {
    return await act(`/containers/${name}`);
  } finally {
    await within(30_000, undefined, (fresh) =>
      engine
        .call("DELETE", `/containers/${name}`, { query: { force: true }, signal: fresh })
        .catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        }),
    );
  }
}

async function fill(archive: Pack, contents: Contents, from: Readable): Promise<void> {
  archive.entry({ name: CONTENTS }, JSON.stringify(contents));
  for await (const entry of entriesOf(from)) {
    if (isKept(entry.header.name)) await put(archive, entry.header, entry);
    else entry.resume();
  }
  archive.finalize();
}

/** One file of an archive. */
export type Entry = Extract extends AsyncIterable<infer One> ? One : never;

/** An archive's bytes, as they are made. */
export const asBytes = (archive: Pack): Readable => Readable.from(archive, { objectMode: false });

/** The files of an archive, one after the other: each is to be read to its end before the next comes. */
export async function* entriesOf(archive: Readable): AsyncGenerator<Entry> {
  const entries = extract();
  archive.once("error", (error) => entries.destroy(error));
  archive.pipe(entries);
  yield* entries;
}

/** Writes one file of an archive into another one, with its owner and rights. */
export async function put(archive: Pack, header: Header, body: Entry): Promise<void> {
  if (header.type !== "file") {
    archive.entry(header);
    return void body.resume();
  }
  const to = archive.entry(header);
  for await (const chunk of body) if (!to.write(chunk)) await once(to, "drain");
  to.end(undefined);
}
