import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";

/** Files of a package that are kept: never one whose name leads out of the folder. */
export type Keep = (file: string) => boolean;

/**
 * Unpacks the files that are wanted while the archive arrives, and answers with its integrity, as a lock file has it.
 * Nothing of it may be used before that was compared.
 */
export async function unpack(
  bytes: Readable,
  keep: Keep,
  to: string,
  onBytes: (done: number) => void,
): Promise<string> {
  const hash = createHash("sha512");
  let done = 0;
  const parts = extract();
  const measured = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      onBytes((done += chunk.length));
      yield chunk;
    }
  };
  await Promise.all([pipeline(bytes, measured, createGunzip(), parts), takeParts(parts, keep, to)]);
  return `sha512-${hash.digest("base64")}`;
}

async function takeParts(parts: ReturnType<typeof extract>, keep: Keep, to: string): Promise<void> {
  for await (const part of parts) {
    const name = part.header.name.replace(/^[^/]+\//, "");
    if (part.header.type !== "file" || name.split("/").includes("..") || !keep(name)) {
      part.resume();
      continue;
    }
    const file = path.join(to, name);
    await mkdir(path.dirname(file), { recursive: true });
    await pipeline(part, createWriteStream(file, { mode: /\.(so|node|dylib|dll)(\.|$)/.test(name) ? 0o755 : 0o644 }));
  }
}
