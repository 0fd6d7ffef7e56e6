// npm run test:nodes [VERSION...]: the CLI's unit tests and the contract suites of its plugs on other versions of Node, whose
// builds npm carries. By hand: CI has the oldest one.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const asked = process.argv.slice(2);
const VERSIONS = asked.length > 0 ? asked : ["20.19", "22", "24", "26"];
const PACKAGE = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const SUITES = [
  ["unit", "packages/dray", "packages/clock", "packages/record"],
  ["scenarios", "test/contract"],
];

function run(command, argv, options = {}) {
  const { status } = spawnSync(command, argv, { stdio: "inherit", ...options });
  return status === 0;
}

/** Where a version's program is; fetched when it is not there. */
function program(version) {
  const folder = path.resolve(".dray/nodes", version);
  const node = path.join(folder, "node_modules", PACKAGE, "bin/node");
  if (existsSync(node)) return node;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
  const wanted = ["install", "--ignore-scripts", "--no-audit", "--no-fund", `${PACKAGE}@${version}`];
  if (!run("npm", wanted, { cwd: folder })) throw new Error(`npm has no ${PACKAGE}@${version}`);
  return node;
}

const failed = VERSIONS.filter((version) => {
  const node = program(version);
  // Programs that the tests start find this version first, too.
  const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}` };
  return !SUITES.every(([project, ...files]) => {
    process.stderr.write(`== Node ${version}: ${project}\n`);
    return run(node, ["node_modules/vitest/vitest.mjs", "run", "--project", project, ...files], { env });
  });
});
process.stderr.write(
  failed.length === 0 ? `well on Node ${VERSIONS.join(", ")}\n` : `failed on ${failed.join(", ")}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
