import { open } from "node:fs/promises";
import { gunzipSync, inflateSync } from "node:zlib";

/** A class or function that a pickle names. */
export interface NamedClass {
  module: string;
  name: string;
}

/** Of a file that is larger, as much is looked at: what a pickle names stands before its large arrays. */
const LOOKED_AT = 256 * 1024 ** 2;

/**
 * What a pickle names, found without opening it: nothing of it is run. The bytes of arrays stand between its opcodes, so
 * they are searched for the two ways in which a name is written, and not read in order.
 */
export async function namedIn(file: string): Promise<NamedClass[]> {
  const bytes = unpacked(await firstBytes(file)).toString("latin1");
  const old = [...bytes.matchAll(/c([A-Za-z_][\w.]{0,200})\n([A-Za-z_][\w.]{0,200})\n/g)];
  // SHORT_BINUNICODE twice and STACK_GLOBAL, with a MEMOIZE behind each; the length stands before the text.
  const fresh = [...bytes.matchAll(/\x8c([\s\S])([A-Za-z_][\w.]*)\x94?\x8c([\s\S])([A-Za-z_][\w.]*)\x94?\x93/g)]
    .filter(([, length = "", text = ""]) => length.charCodeAt(0) === text.length)
    .map(([, , module, , name]) => ["", module, name]);
  return [...old, ...fresh].map(([, module = "", name = ""]) => ({ module, name }));
}

/** The version of scikit-learn that a pickle says it was made with. */
export async function sklearnOf(file: string): Promise<string | undefined> {
  const bytes = unpacked(await firstBytes(file)).toString("latin1");
  return /_sklearn_version.{1,12}?(\d+\.\d+(?:\.\w+)*)/s.exec(bytes)?.[1];
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, LOOKED_AT));
    await handle.read(bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    await handle.close();
  }
}

/** joblib packs with zlib or gzip; of its other packings nothing is found. */
function unpacked(bytes: Buffer): Buffer {
  const limit = { maxOutputLength: LOOKED_AT };
  try {
    if (bytes[0] === 0x78) return inflateSync(bytes, limit);
    return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, limit) : bytes;
  } catch {
    return bytes;
  }
}
