// Old holes, put back on one machine only: what finds none of them again proves nothing.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { must } from "../test/world/images.ts";
import type { Vm } from "../test/world/vm.ts";

export interface Control {
  /** As the audit called the hole. */
  name: string;
  kinds: string[];
  /** What must be more than 0. */
  shows: "through" | "keeperRestarts";
  /** Does it want a service whose last key was revoked? */
  revoked: boolean;
  open(vm: Vm): Promise<void>;
  close(vm: Vm): Promise<void>;
}

const SRC = fileURLToPath(new URL("../packages/keeper/src", import.meta.url));
const CONFIG = "/var/lib/docker/volumes/dray-edge/_data/haproxy.cfg";

/** Texts of the keeper's own files, and what they are put back to. */
type Patches = Record<string, [text: string, old: string][]>;

/** Nothing that was not caught was noted: it ended the process. */
const UNWATCHED: Patches = { "keep.ts": [["  faults.watch(process);\n", ""]] };

const A2: Patches = {
  ...UNWATCHED,
  "server.ts": [
    [
      "    // A stranger's request must not be able to end more than itself.\n",
      '    new URL(request.url ?? "/", "http://keeper");\n',
    ],
  ],
};

const A4: Patches = {
  ...UNWATCHED,
  "json.ts": [["  if (isDeep(text)) return undefined;\n", ""]],
  "faults.ts": [
    [
      "      act();\n    } catch (error) {\n      this.note(where, error);",
      "      act();\n    } catch (error) {\n      throw error;",
    ],
  ],
};

/** The holes that the bench must find. */
export const CONTROLS: readonly Control[] = [
  {
    name: "A2",
    kinds: ["authority"],
    shows: "keeperRestarts",
    revoked: false,
    open: async (vm) => {
      await patchKeeper(vm, A2);
      await patchEdge(vm, "/http-request set-uri/d");
    },
    close: async (vm) => {
      await patchKeeper(vm, {});
      await mendEdge(vm);
    },
  },
  {
    name: "A4",
    kinds: ["nested"],
    shows: "keeperRestarts",
    revoked: false,
    open: (vm) => patchKeeper(vm, A4),
    close: (vm) => patchKeeper(vm, {}),
  },
  {
    name: "A1",
    kinds: ["revoked"],
    shows: "through",
    revoked: true,
    open: (vm) => patchEdge(vm, "/http-request return status 401/d"),
    close: mendEdge,
  },
];

/** The keeper's program with some texts put back. @throws Error where a text is not there any more */
async function bundle(patches: Patches): Promise<string> {
  const made = await build({
    entryPoints: [path.join(SRC, "main.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    write: false,
    mainFields: ["module", "main"],
    banner: {
      js: 'import { createRequire as __r } from "node:module"; import { dirname as __d } from "node:path"; import { fileURLToPath as __f } from "node:url"; const require = __r(import.meta.url); const __filename = __f(import.meta.url); const __dirname = __d(__filename);',
    },
    plugins: [
      {
        name: "old holes",
        setup(esbuild) {
          esbuild.onLoad({ filter: /packages\/keeper\/src\/.*\.ts$/ }, async ({ path: file }) => ({
            loader: "ts",
            contents: patched(await readFile(file, "utf8"), patches[path.relative(SRC, file)] ?? [], file),
          }));
        },
      },
    ],
  });
  return made.outputFiles[0]?.text ?? "";
}

function patched(source: string, texts: readonly [string, string][], file: string): string {
  return texts.reduce((now, [text, old]) => {
    if (!now.includes(text))
      throw new Error(`${file} has no more ${JSON.stringify(text)}: the control needs another way`);
    return now.replace(text, old);
  }, source);
}

/** Has the machine's keeper run another program: in its own container, so that a restart is seen as one. */
async function patchKeeper(vm: Vm, patches: Patches): Promise<void> {
  await must(["docker", "exec", "-i", vm.host, "sh", "-c", "cat > /tmp/keeper.js"], await bundle(patches));
  // One that has just been ended has no root until the engine starts it again.
  const root = "docker inspect dray-keeper -f '{{.GraphDriver.Data.MergedDir}}'";
  const script = `for i in $(seq 100); do cp /tmp/keeper.js "$(${root})/app/main.js" && exit; sleep 0.2; done; exit 1`;
  await vm.inside("sh", "-c", script);
  await vm.inside("docker", "restart", "-t", "5", "dray-keeper");
  await vm.inside(
    "sh",
    "-c",
    "for i in $(seq 100); do docker logs --since 5s dray-keeper 2>&1 | grep -q 'keeper is up' && exit; sleep 0.2; done; exit 1",
  );
}

async function patchEdge(vm: Vm, sed: string): Promise<void> {
  await vm.inside("sh", "-c", `cp ${CONFIG} /tmp/haproxy.cfg && sed -i '${sed}' ${CONFIG}`);
  await reload(vm);
}

async function mendEdge(vm: Vm): Promise<void> {
  await vm.inside("cp", "/tmp/haproxy.cfg", CONFIG);
  await reload(vm);
}

async function reload(vm: Vm): Promise<void> {
  await vm.inside("docker", "kill", "-s", "USR2", "dray-edge");
  await new Promise((resolve) => setTimeout(resolve, 2000));
}
