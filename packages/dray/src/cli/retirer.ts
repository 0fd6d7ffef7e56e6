import { createHash } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { within } from "drayage-clock";
import type { Left } from "../flows/release/retire.ts";
import { controlFolder } from "../machine/control-folder.ts";
import { VERSION } from "./version.ts";

/** Who retires is a process of this computer: it answers at once, or hangs. */
const ANSWER_MS = 2000;
const TAKEN = "taken";

/**
 * Where the process listens that retires a service's old releases at a place, for all commands of this computer. Undefined
 * where sockets cannot be: then each command has a process of its own.
 */
export async function postOf({ target, place, service }: Omit<Left, "keep">): Promise<string | undefined> {
  // Another dray may retire differently, and another configuration of ssh may lead elsewhere.
  const about = [VERSION, process.env["DRAY_SSH_CONFIG"], target, place.name, place.at, service];
  const name = createHash("sha256").update(JSON.stringify(about)).digest("hex").slice(0, 12);
  return await controlFolder().then(
    (folder) => path.join(folder, `${name}.r`),
    () => undefined,
  );
}

/** Leaves it to the process that retires there already. False: there is none, or it is about to end. */
export async function leaveToRetirer(post: string, keep: number): Promise<boolean> {
  const asked = within(ANSWER_MS, undefined, async (signal) => {
    const line = connect({ path: post, signal });
    line.end(String(keep));
    return await text(line);
  });
  return (await asked.catch(() => "")) === TAKEN;
}

/**
 * The one process of this computer that retires a service's old releases at a place. Others hand over to it, and their
 * word is not lost: it is taken only as long as somebody will act on it.
 */
export class Retirer {
  readonly #server: Server | undefined;
  #keep: number | undefined;
  #over = false;

  private constructor(server: Server | undefined) {
    this.#server = server;
    server?.on("connection", (line) => void this.#hear(line).catch(() => line.destroy()));
  }

  /** Begins to listen. Undefined: another one does, and has taken it over. */
  static async at(post: string | undefined, keep: number): Promise<Retirer | undefined> {
    if (post === undefined) return new Retirer(undefined);
    const server = await listening(post);
    if (server !== undefined) return new Retirer(server);
    if (await leaveToRetirer(post, keep)) return undefined;
    // A process that was killed leaves its socket behind.
    await rm(post, { force: true });
    return new Retirer(await listening(post));
  }

  /** What was handed over since it was asked last. Undefined: nothing; and nothing is taken any more. */
  next(): number | undefined {
    const keep = this.#keep;
    this.#keep = undefined;
    if (keep !== undefined) return keep;
    this.#over = true;
    this.#server?.close();
    return undefined;
  }

  async #hear(line: Socket): Promise<void> {
    // Whoever reads a socket to its end destroys it, unless told otherwise: it is still to be answered.
    const keep = Number(await text(line.iterator({ destroyOnReturn: false })));
    if (this.#over || !Number.isInteger(keep)) return void line.destroy();
    this.#keep = keep;
    line.end(TAKEN);
  }
}

/** Undefined where there is such a socket already, or can be none. */
async function listening(post: string): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true });
  try {
    server.listen(post);
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}
