import { createHash } from "node:crypto";
import { basename } from "node:path/posix";
import type { ContentStore } from "../../oci/content-store.ts";
import type { Context } from "../../core/context.ts";
import { type LayerEntry, type Layer, makeLayer } from "../../oci/layer.ts";
import { told } from "../told.ts";
import { fetchSet } from "./archive.ts";
import { readDeb } from "./deb.ts";
import { fieldOf } from "./index-file.ts";
import type { Architecture, LockedSet } from "./locked.ts";

/** A part of an image that a scanner should know of (CycloneDX 1.6, component). */
export interface Component {
  type: "library" | "application";
  name: string;
  version: string;
  purl: string;
}

/** A layer, and what is in it. */
export interface KnownLayer {
  layer: Layer;
  components: Component[];
}

/** What of a set goes into a layer. */
export interface Choice {
  set: LockedSet;
  /** What it is, for people. */
  title: string;
  /** Programs, as `usr/bin/bash`. Of everything else only shared libraries and the locale C.utf8 are taken. */
  programs: readonly string[];
  /** Where the programs are put, when not where Debian has them: a folder. */
  under?: string;
  /** Files of ours beside them. */
  own: readonly LayerEntry[];
}

/** Of what follows: a change here makes every such layer anew. */
const FORMAT = 2;

/** What a choice is called: the same parts have the same name. */
export function layerKey(choice: Choice, architecture: Architecture): string {
  const own = choice.own.map((entry) => ("content" in entry ? [entry.path, entry.content.toString("base64")] : entry));
  const moved = choice.under === undefined ? [] : [choice.under];
  return createHash("sha256")
    .update(JSON.stringify([FORMAT, choice.set.suite, choice.set[architecture], choice.programs, own, ...moved]))
    .digest("hex");
}

/**
 * Makes a layer of Debian's packages: the programs chosen, all shared libraries and the locale, with the package's metadata where
 * scanners look for it in images without a package manager (var/lib/dpkg/status.d). No engine is asked, and the
 * archive only once. @throws Failure image.no-parts
 */
export async function debianLayer(
  choice: Choice,
  architecture: Architecture,
  store: ContentStore,
  context: Context,
): Promise<KnownLayer> {
  // A layer's bytes depend on the zlib that packs them.
  const key = createHash("sha256")
    .update(`${layerKey(choice, architecture)} ${process.version}`)
    .digest("hex");
  const known = await recall(store, key);
  if (known !== undefined) return known;
  const made = await told("parts", choice.title, context, async () => await make(choice, architecture, store, context));
  await store.remember(key, JSON.stringify(made));
  return made;
}

async function recall(store: ContentStore, key: string): Promise<KnownLayer | undefined> {
  const note = await store.recall(key);
  if (note === undefined) return undefined;
  const known = JSON.parse(note) as KnownLayer;
  return (await store.size(known.layer.digest)) === known.layer.size ? known : undefined;
}

async function make(
  { set, programs, own, under }: Choice,
  architecture: Architecture,
  store: ContentStore,
  context: Context,
): Promise<KnownLayer> {
  const fetched = await fetchSet(set, architecture, store, context);
  const entries: LayerEntry[] = [...MERGED_USR, releaseFile(set.suite), ...own];
  const components: Component[] = [];
  for (const { name, file, bytes } of fetched) {
    const deb = await readDeb(bytes);
    const status = { path: `var/lib/dpkg/status.d/${name}`, mode: 0o644, content: Buffer.from(deb.control) };
    const chosen = deb.entries.filter(({ path }) => programs.includes(path)).map((entry) => movedTo(under, entry));
    entries.push(...chosen, ...deb.entries.filter(({ path }) => isShared(path)), status);
    components.push(componentOf(name, file.version, set.suite, fieldOf(deb.control, "Architecture") ?? architecture));
  }
  const there = new Set(entries.map(({ path }) => path));
  const missing = programs.filter((path) => !there.has(under === undefined ? path : movedPath(under, path)));
  if (missing.length > 0) throw new TypeError(`Debian's packages have no ${missing.join(", ")}`);
  return { layer: await makeLayer(store, entries), components };
}

const movedPath = (under: string, at: string): string => `${under}/${basename(at)}`;
const movedTo = (under: string | undefined, entry: LayerEntry): LayerEntry =>
  under === undefined ? entry : { ...entry, path: movedPath(under, entry.path) };

/** Debian has had its programs and libraries below usr since 2023; the loader's path in each program is the old one. */
const MERGED_USR: readonly LayerEntry[] = ["bin", "sbin", "lib", "lib64"].map((name) => ({
  path: name,
  mode: 0o777,
  link: `usr/${name}`,
}));

/** Scanners ask it which Debian's list of flaws to read (os-release(5)). */
function releaseFile(suite: string): LayerEntry {
  const lines = ["ID=debian", `VERSION_CODENAME=${suite}`, `PRETTY_NAME="Debian ${suite}, parts of it"`];
  return { path: "etc/os-release", mode: 0o644, content: Buffer.from(`${lines.join("\n")}\n`) };
}

/** Shared libraries and the loader, whose plug-ins (gconv, engines) lie deeper and stay behind; and the locale by which letters have a case. */
function isShared(path: string): boolean {
  return (
    /^usr\/lib(64)?\/([^/]+-linux-gnu\/)?[^/]+\.so(\.[^/]*)?$/.test(path) || path.startsWith("usr/lib/locale/C.utf8/")
  );
}

function componentOf(name: string, version: string, suite: string, architecture: string): Component {
  const at = encodeURIComponent(version);
  return {
    type: "library",
    name,
    version,
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${at}?arch=${architecture}&distro=${suite}`,
  };
}
