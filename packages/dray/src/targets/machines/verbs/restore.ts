import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { within } from "drayage-clock";
import { pack, type Pack } from "tar-stream";
import { readState, StateRefused } from "drayage-record";
import type { BackedUp } from "../../../contract/answers.ts";
import type { Place } from "../../../contract/place.ts";
import type { Session } from "../../../contract/session.ts";
import { Failure } from "../../../base/failure.ts";
import { edgeConfig } from "../../../edge/config.ts";
import type { EdgeState } from "../../../edge/state.ts";
import type { Engine } from "../../../machine/engine.ts";
import { supplyOwnEdge } from "../image/edge-image.ts";
import { connect } from "../plan/site.ts";
import { setUpEdge } from "../traffic/edge-setup.ts";
import { CONFIG, CONTENTS, type Contents, readContents, STATE, withoutReplicas } from "./backed-up.ts";
import { asBytes, type Entry, entriesOf, put, type Shelf, withVolumes } from "./backup.ts";
import { makeRoomOn, type Mark, refuseOvertaken, removeMark, setMark, takeBack } from "./half-restored.ts";
import { belongings } from "./ours.ts";

/**
 * Puts a backup on a machine that has nothing of dray's, and starts the edge on it: callers' keys, certificates and history
 * are there, and the next deploy brings the replicas. Where it fails, nothing of it stays; where it is killed, the next one
 * begins anew.
 * @throws Failure backup.in-use, backup.unreadable, machine.port-taken, ssh.*, docker.*
 */
export async function restore(place: Place, archive: Readable, session: Session): Promise<BackedUp> {
  await using machine = await connect(place, session);
  const { engine } = machine;
  await makeRoomOn(machine, session.signal);
  const files = entriesOf(archive);
  const contents = await first(files);
  const image = await supplyOwnEdge(machine, session);
  const volumes = contents.volumes.map(({ name }) => name);
  const mark = await setMark(engine, image, volumes, session.signal);
  try {
    const { port, tls } = await unpack(engine, { image, volumes: contents.volumes }, files, session.signal);
    await refuseOvertaken(engine, mark, session.signal);
    await setUpEdge(machine, image, { port, ...(tls === undefined ? {} : { tls }) }, session);
    await removeMark(engine, mark, session.signal);
  } catch (error) {
    // What cannot be taken back (the connection is gone) has its mark: the next restore takes it up.
    await within(60_000, undefined, async (fresh) => await giveUp(engine, mark, fresh)).catch(() => undefined);
    throw error;
  }
  return { machine: place.name, services: contents.services, volumes };
}

async function giveUp(engine: Engine, mark: Mark, signal: AbortSignal): Promise<void> {
  await refuseOvertaken(engine, mark, signal);
  await takeBack(engine, mark, await belongings(engine, signal), signal);
}

async function unpack(
  engine: Engine,
  shelf: Shelf,
  files: AsyncGenerator<Entry>,
  signal: AbortSignal,
): Promise<EdgeState> {
  for (const { name, labels } of shelf.volumes)
    await engine.post("/volumes/create", { body: { Name: name, Labels: labels }, signal });
  return await withVolumes(engine, shelf, signal, async (path) => {
    const unpacked = pack();
    const sent = engine.bytes("PUT", `${path}/archive`, {
      query: { path: "/" },
      headers: { "content-type": "application/x-tar" },
      stream: asBytes(unpacked),
      signal,
    });
    const [moved, answer] = await Promise.all([move(files, unpacked), sent]);
    await text(answer);
    return moved;
  });
}

async function first(files: AsyncGenerator<Entry>): Promise<Contents> {
  const next = await files.next();
  return readContents(next.done === true || next.value.header.name !== CONTENTS ? "" : await text(next.value));
}

/** Hands each file on; the state comes without replicas, and the edge's configuration is made from it. */
async function move(files: AsyncGenerator<Entry>, to: Pack): Promise<EdgeState> {
  let restored: EdgeState | undefined;
  try {
    for await (const entry of files) {
      const { header } = entry;
      if (header.name !== STATE) {
        await put(to, header, entry);
        continue;
      }
      restored = withoutReplicas(stateIn(await text(entry)));
      const { size: _before, pax: _said, ...same } = header;
      to.entry(same, JSON.stringify(restored));
      to.entry({ ...same, name: CONFIG }, edgeConfig(restored));
    }
    if (restored === undefined) readContents("");
    to.finalize();
  } catch (error) {
    to.destroy(error as Error);
    throw error;
  }
  return restored as EdgeState;
}

function stateIn(said: string): EdgeState {
  try {
    return readState(said) as EdgeState;
  } catch (error) {
    if (!(error instanceof StateRefused)) throw error;
    throw new Failure("backup.unreadable", `the state in this backup cannot be used: ${error.message}`, {
      hint:
        error.why === "newer" ? "npm install -g drayage@latest, then run the same command again" : "take another one",
      cause: error,
    });
  }
}
