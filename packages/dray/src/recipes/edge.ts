import { ContentStore } from "../oci/content-store.ts";
import type { Context } from "../core/context.ts";
import type { Cargo } from "../core/registry.ts";
import { type Choice, debianLayer, layerKey } from "./debian/layer.ts";
import { PROXY_PACKAGES } from "./debian/lock.ts";
import { makeImage } from "../oci/image.ts";
import { architectureOf } from "./serve-base.ts";

const PASSWD = "root:x:0:0:root:/:/bin/bash\nhaproxy:x:99:99::/var/lib/dray:/bin/bash\n";
const GROUP = "root:x:0:\nhaproxy:x:99:\n";

const PROXY: Choice = {
  set: PROXY_PACKAGES,
  title: `HAProxy ${PROXY_PACKAGES.amd64["haproxy"]?.version ?? ""} and what it needs`,
  programs: [
    "usr/sbin/haproxy",
    "usr/sbin/chroot",
    ...["bash", "cat", "mkdir", "mv", "rm", "sleep", "sync"].map((name) => `usr/bin/${name}`),
  ],
  own: [
    { path: "etc/passwd", mode: 0o644, content: Buffer.from(PASSWD) },
    { path: "etc/group", mode: 0o644, content: Buffer.from(GROUP) },
    { path: "tmp", mode: 0o1777, folder: true },
    { path: "var/lib/dray", mode: 0o755, folder: true },
  ],
};

const REPOSITORY = "dray/edge";

/** What our edge's image is called on a machine: the same parts have the same name. @throws Failure image.no-base */
export function edgeImage(architecture: string): string {
  return `${REPOSITORY}:${layerKey(PROXY, architectureOf(architecture)).slice(0, 12)}-${architecture}`;
}

/** Is it an image that is made here, and not one that somebody named? */
export function isOwnEdge(image: string): boolean {
  return image.startsWith(`${REPOSITORY}:`);
}

/** Puts the edge's image together: Debian's HAProxy, without an engine and without a registry. @throws Failure image.no-parts */
export async function makeEdge(architecture: string, context: Context): Promise<Cargo> {
  const store = new ContentStore();
  await store.open();
  const { layer } = await debianLayer(PROXY, architectureOf(architecture), store, context);
  const { id: _id, ...cargo } = await makeImage(store, architecture, [{ layer, title: PROXY.title }], {
    User: "0:0",
    Env: ["PATH=/usr/sbin:/usr/bin"],
    Entrypoint: [],
    Cmd: ["haproxy", "-v"],
    WorkingDir: "/",
    ExposedPorts: {},
    Labels: { "dray.role": "edge" },
    StopSignal: "SIGTERM",
  });
  return cargo;
}
