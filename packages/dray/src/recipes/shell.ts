import { createHash } from "node:crypto";
import type { ContentStore } from "../oci/content-store.ts";
import type { Context } from "../core/context.ts";
import { OWN_SHELL } from "../core/own-shell.ts";
import { type Choice, debianLayer, type KnownLayer } from "./debian/layer.ts";
import { SHELL } from "./debian/lock.ts";
import type { Architecture } from "./debian/locked.ts";

const STATIC: Choice = {
  set: SHELL,
  title: "a shell for images that have none",
  programs: [`usr/bin/${OWN_SHELL.program}`],
  under: OWN_SHELL.folder.slice(1),
  own: [],
};

/** What this shell is called: the same build has the same name, whatever the processor. */
export const SHELL_NAME = createHash("sha256").update(JSON.stringify(SHELL)).digest("hex").slice(0, 8);

/** The layer that brings it. @throws Failure image.no-parts */
export async function shellLayer(
  architecture: Architecture,
  store: ContentStore,
  context: Context,
): Promise<KnownLayer & { title: string }> {
  return { ...(await debianLayer(STATIC, architecture, store, context)), title: STATIC.title };
}
