// Writes the generated pages of docs/, or with --check says which of them are stale.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import * as z from "zod";
import { HEALTHY } from "../packages/dray/src/core/faults/healthy.ts";
import { FAULTS } from "../packages/dray/src/core/faults/table.ts";
import { HOP_TABLE } from "../packages/dray/src/core/hops.ts";
import { CODES } from "../packages/dray/src/base/codes.ts";
import { makeProgram } from "../packages/dray/src/cli/program.ts";
import { containersPage } from "./docs-containers.ts";
import { libraryPage } from "./docs-library.ts";
import { modelsPage } from "./docs-models.ts";
import { manifestSchema } from "../packages/dray/src/yaml/schema.ts";

type Schema = {
  properties?: Record<string, Schema>;
  description?: string;
  default?: unknown;
  type?: string;
  anyOf?: Schema[];
};

const schema = z.toJSONSchema(manifestSchema, { io: "input" }) as Schema;

// Keys of the user's own, for anchors.
const whole = { ...schema, patternProperties: { "^x-": {} } };

function rows(of: Schema, prefix: string): string[] {
  return Object.entries(of.properties ?? {}).flatMap(([key, value]) => [
    `| \`${prefix}${key}\` | ${value.type ?? "any of several"} | ${value.default === undefined || typeof value.default === "object" ? "" : `\`${JSON.stringify(value.default)}\``} | ${value.description ?? ""} |`,
    ...rows(value, `${prefix}${key}.`),
  ]);
}

function helps(command: Command): string[] {
  let text = "";
  command.configureOutput({ writeOut: (said) => (text += said) });
  command.outputHelp();
  return [
    `\`\`\`\n${text.trim()}\n\`\`\``,
    ...command.commands.filter((each) => each.name() !== "retire").flatMap(helps),
  ];
}

/** The guide: every hop, and every fault that can be named there, with an example's own words. */
function guide(): string {
  const hops = HOP_TABLE.map(({ hop, title, explain }) => {
    const faults = FAULTS.filter((fault) => fault.hop === hop).map((fault) => {
      const found = fault.example(HEALTHY);
      return [
        `### ${fault.title}`,
        `- From outside: ${fault.outside}`,
        `- By hand: ${fault.byHand}`,
        `- \`dray trace\` says: ${fault.why(found)}`,
        `- Fix: ${fault.fix(found)}`,
      ].join("\n");
    });
    return [`## ${title[0]?.toUpperCase()}${title.slice(1)}`, explain(HEALTHY), ...faults].join("\n\n");
  });
  const head = `${FAULTS.length} things that can stand between a client and a model, in the order a request meets them; the operator's own way in comes first. \`dray trace\` names them; this is what they look like without it. The examples are of a service at api.example.com on the machine my-vm, 203.0.113.7.`;
  return `${made}# Why can't I reach it?\n\n${head}\n\n${hops.join("\n\n")}\n`;
}

const SNAPSHOTS = fileURLToPath(new URL("../packages/serve/src/__snapshots__/strangers.test.ts.snap", import.meta.url));
const made = "<!-- Made by npm run docs; do not edit. -->\n";
const pages: Record<string, string> = {
  "dray.schema.json": `${JSON.stringify(whole, undefined, 2)}\n`,
  "manifest.md": `${made}# dray.yaml\n\n| key | type | default | meaning |\n|---|---|---|---|\n${rows(schema, "").join("\n")}\n`,
  "failures.md": `${made}# Failures\n\n| code | exit code | meaning |\n|---|---|---|\n${Object.entries(CODES)
    .map(([code, [exit, meaning]]) => `| \`${code}\` | ${exit} | ${meaning} |`)
    .join("\n")}\n`,
  "why-cant-i-reach-it.md": guide(),
  "models.md": `${made}${modelsPage(SNAPSHOTS)}`,
  "containers.md": `${made}${containersPage()}`,
  "library.md": `${made}${libraryPage()}`,
  "cli.md": `${made}# Commands\n\n${helps(await makeProgram()).join("\n\n")}\n`,
};

const stale = Object.entries(pages).filter(([name, content]) => {
  const file = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
  if (existsSync(file) && readFileSync(file, "utf8") === content) return false;
  if (!process.argv.includes("--check")) writeFileSync(file, content);
  return true;
});
if (process.argv.includes("--check") && stale.length > 0) {
  process.stderr.write(`stale: ${stale.map(([name]) => name).join(", ")}; npm run docs\n`);
  process.exitCode = 1;
}
