// docs/containers.md: which containers people bring, what becomes of each, and the test that shows it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Brought } from "../test/world/brought.ts";

const ROOT = new URL("../", import.meta.url);
const textOf = (file: string): string => readFileSync(fileURLToPath(new URL(file, ROOT)), "utf8");

/** A set-up, the file of its test, and that test's name or the beginning of it. */
const SHOWN: readonly [setUp: string, file: string, test: string][] = [
  [
    "golden requests with a file, and answers by type and digest",
    "test/scenarios/brought.test.ts",
    "a picture is sent as one",
  ],
  ["golden requests with a form or a text", "packages/dray/src/manifest/golden.test.ts", "a form is multipart"],
  [
    "a HEALTHCHECK as an opinion, and as the readiness",
    "test/scenarios/brought.test.ts",
    "a HEALTHCHECK that fails is said",
  ],
  ["a program that runs once before the switch", "test/scenarios/brought.test.ts", "before: runs in a container"],
  [
    "containers beside the API, with secrets",
    "test/scenarios/brought.test.ts",
    "a container beside it is reached by its name",
  ],
  [
    "program, user, hosts, limits, signal and volumes",
    "test/scenarios/container.test.ts",
    "a container is run as the manifest says",
  ],
  [
    "arguments behind `--`, and a runtime that is missing",
    "test/scenarios/container.test.ts",
    "what stands behind -- becomes the arguments",
  ],
  ["secrets for an image of one static program", "test/scenarios/secrets.test.ts", "an image of one static program"],
  ["several ports, and which one is public", "test/scenarios/claims.test.ts", "of two ports the one that answers"],
  ["weights, a line that is cut, a kill, another hash", "test/scenarios/weights.test.ts", "weights are fetched once"],
  [
    "a compose file, with what the API calls",
    "packages/dray/src/manifest/carried/carried.test.ts",
    "services that the API calls",
  ],
  [
    "a Kamal configuration with accessories",
    "packages/dray/src/manifest/carried/kamal.test.ts",
    "a Kamal configuration",
  ],
  [
    "compose files and Kamal configurations of public projects (by hand)",
    "test/live/public-files.test.ts",
    "becomes a manifest",
  ],
  [
    "a container that somebody started by hand",
    "packages/dray/src/manifest/carried/container.test.ts",
    "what the image says by itself is left out",
  ],
  [
    "its port, which another container holds",
    "packages/dray/src/targets/machines/plan/plan.test.ts",
    "holds the port: how it is handed over",
  ],
];

const ABOUT = `# Containers that people bring

Any container that serves HTTP/1.1 can be deployed as it is. These kinds are brought by \`npm run bench -- strangers\`: each is deployed to a
machine, traced and called, replaced under load and taken back, without a lost request. Those that cannot work are refused by name, before
anything is switched.`;

/** The page; a test that it names and that is not there is an error. */
export function containersPage(): string {
  const all = JSON.parse(textOf("test/fixtures/containers.json")) as Brought[];
  const served = all.filter(({ deploy }) => deploy.code === 0);
  const refused = all.filter(({ deploy }) => deploy.code !== 0);
  return [
    ABOUT,
    "## Served",
    table(
      ["container", "in the manifest"],
      served.map(({ name, manifest }) => [name, keysOf(manifest)]),
    ),
    "## Refused",
    table(
      ["container", "in the manifest", "failure", "exit code"],
      refused.map(({ name, manifest, deploy }) => [
        name,
        keysOf(manifest),
        `\`${codeOf(deploy.says)}\``,
        `${deploy.code}`,
      ]),
    ),
    "## Set-ups, and the test of each",
    table(
      ["set-up", "test"],
      SHOWN.map(([setUp, file, test]) => {
        if (!textOf(file).includes(test)) throw new Error(`${file} has no test ${test}`);
        return [setUp, `\`${file}\`: ${test} ...`];
      }),
    ),
    "",
  ].join("\n\n");
}

const keysOf = (manifest: Record<string, unknown>): string =>
  Object.keys(manifest)
    .map((key) => `\`${key}\``)
    .join(", ");

const codeOf = (says: readonly string[]): string => /\[([\w.-]+)\]/.exec(says.join("\n"))?.[1] ?? "";

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
