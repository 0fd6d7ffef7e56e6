import { copyFile, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { readIfThere } from "./status.ts";

const KEY = "secrets.key";
const SEALED = /^secrets-.+\.sealed(\.last)?$/;

/**
 * Where secrets are: in a volume of the keeper's own. An older keeper left them in the one that it shares with the edge;
 * as long as the key is still there, so are all of them.
 */
export async function vaultOf(home: string, own: string): Promise<string> {
  return own !== home && (await readIfThere(path.join(home, KEY))) === undefined ? own : home;
}

/**
 * Moves what an older keeper left: copies all of it first, the key last; then the old key goes before the rest, so that
 * at every moment one of the two places has everything. @throws where there is no room; then the old place counts
 */
export async function moveIn(home: string, own: string): Promise<void> {
  if (own === home) return;
  const sealed = (await readdir(home)).filter((name) => SEALED.test(name));
  if ((await vaultOf(home, own)) === home) {
    for (const name of [...sealed, KEY]) {
      await copyFile(path.join(home, name), path.join(own, `${name}.new`));
      await rename(path.join(own, `${name}.new`), path.join(own, name));
    }
    await rm(path.join(home, KEY));
  }
  for (const name of sealed) await rm(path.join(home, name));
}
