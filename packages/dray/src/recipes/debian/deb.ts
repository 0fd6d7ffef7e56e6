import { buffer } from "node:stream/consumers";
import { extract } from "tar-stream";
import xz from "xz-decompress";
import type { LayerEntry } from "../../oci/layer.ts";

/** What is in a binary package. */
export interface Deb {
  /** Its paragraph of metadata. */
  control: string;
  /** Its files and links; folders and hard links are left out. */
  entries: LayerEntry[];
}

/** Reads a Debian binary package (deb(5)): an ar archive with two tar archives, packed by xz. @throws TypeError when it is none */
export async function readDeb(bytes: Buffer): Promise<Deb> {
  const members = readAr(bytes);
  const control = await readTar(memberOf(members, "control.tar.xz"));
  const paragraph = control.find(({ path }) => path === "control");
  if (paragraph === undefined || !("content" in paragraph)) throw new TypeError("a package without a control file");
  return {
    control: paragraph.content.toString("utf8"),
    entries: await readTar(memberOf(members, "data.tar.xz")),
  };
}

function memberOf(members: ReadonlyMap<string, Buffer>, name: string): Buffer {
  const found = members.get(name);
  if (found === undefined) throw new TypeError(`a package with ${[...members.keys()].join(", ")} and no ${name}`);
  return found;
}

const AR_HEAD = "!<arch>\n";
const AR_MEMBER = 60;

/** The members of an ar archive by name (ar(5), System V and GNU form, short names). */
function readAr(bytes: Buffer): Map<string, Buffer> {
  if (bytes.subarray(0, AR_HEAD.length).toString("latin1") !== AR_HEAD) throw new TypeError("not an ar archive");
  const members = new Map<string, Buffer>();
  for (let at = AR_HEAD.length; at + AR_MEMBER <= bytes.length;) {
    const head = bytes.subarray(at, at + AR_MEMBER).toString("latin1");
    const size = Number(head.slice(48, 58));
    const begin = at + AR_MEMBER;
    members.set(head.slice(0, 16).trim().replace(/\/$/, ""), bytes.subarray(begin, begin + size));
    // Members begin at even offsets.
    at = begin + size + (size % 2);
  }
  return members;
}

async function readTar(packed: Buffer): Promise<LayerEntry[]> {
  const unpacked = await buffer(new xz.XzReadableStream(new Blob([new Uint8Array(packed)]).stream()));
  const archive = extract();
  archive.end(unpacked);
  const entries: LayerEntry[] = [];
  for await (const part of archive) {
    const { name, type, mode, linkname } = part.header;
    const path = name.replace(/^\.\//, "");
    if (type === "file") entries.push({ path, mode, content: await buffer(part) });
    else if (type === "symlink") entries.push({ path, mode: 0o777, link: linkname ?? "" });
    part.resume();
  }
  return entries;
}
