import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import type { Carried } from "../../packages/dray/src/manifest/carried/carried.ts";
import { fromCompose } from "../../packages/dray/src/manifest/carried/compose.ts";
import { fromKamal } from "../../packages/dray/src/manifest/carried/kamal.ts";
import { parseManifest } from "../../packages/dray/src/yaml/load.ts";

// By hand: compose files and Kamal configurations of public projects, unedited. They are their authors' own, so none of them lies
// here: they are fetched by their commit, or read from the folder DRAY_LIVE_PUBLIC (OWNER/NAME/PATH), and checked by their hash.

interface Row {
  repository: string;
  commit: string;
  path: string;
  sha256: string;
  /** Which of a compose file's services is the API, where several could be. */
  service?: string;
  /** What becomes of it. */
  manifest: Record<string, unknown>;
  /** The keys that are left, each with its reason. */
  left: string[];
}

const TABLE = path.join(import.meta.dirname, "../fixtures/public-files.json");
const rows = JSON.parse(await readFile(TABLE, "utf8")) as Row[];

async function sourceOf({ repository, commit, path: file, sha256 }: Row): Promise<string> {
  const folder = process.env["DRAY_LIVE_PUBLIC"];
  const url = `https://raw.githubusercontent.com/${repository}/${commit}/${file}`;
  const source =
    folder === undefined
      ? await (await fetch(url)).text()
      : await readFile(path.join(folder, repository, file), "utf8");
  expect(createHash("sha256").update(source).digest("hex")).toBe(sha256);
  return source;
}

function carry(source: string, { path: file, service }: Row): Carried {
  const variables = {};
  if (file.includes("config/deploy")) return fromKamal(source, file, variables);
  return fromCompose({ source, file, variables, ...(service === undefined ? {} : { service }) });
}

test.each(rows)("$repository $path becomes a manifest, and what is left is named", async (row) => {
  const made = carry(await sourceOf(row), row);
  expect(made.manifest).toEqual(row.manifest);
  expect(made.left.map(({ key }) => key)).toEqual(row.left);
  expect(made.left.filter(({ reason }) => reason === "")).toEqual([]);
  // A configuration without a machine's name gets one on the command line.
  parseManifest(stringify({ ...(row.manifest["machines"] === undefined && { machine: "vm" }), ...made.manifest }), "x");
});
