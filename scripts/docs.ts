// Writes the generated pages of docs/, or with --check says which of them are stale.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import * as z from "zod";
import { CODES } from "../packages/dray/src/base/failure.ts";
import { makeProgram } from "../packages/dray/src/cli/program.ts";
import { manifestSchema } from "../packages/dray/src/manifest/schema.ts";

type Schema = {
  properties?: Record<string, Schema>;
  description?: string;
  default?: unknown;
  type?: string;
  anyOf?: Schema[];
};

const schema = z.toJSONSchema(manifestSchema, { io: "input" }) as Schema;

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

const made = "<!-- Made by npm run docs; do not edit. -->\n";
const pages: Record<string, string> = {
  "dray.schema.json": `${JSON.stringify(schema, undefined, 2)}\n`,
  "manifest.md": `${made}# dray.yaml\n\n| key | type | default | meaning |\n|---|---|---|---|\n${rows(schema, "").join("\n")}\n`,
  "failures.md": `${made}# Failures\n\n| code | exit code | meaning |\n|---|---|---|\n${Object.entries(CODES)
    .map(([code, [exit, meaning]]) => `| \`${code}\` | ${exit} | ${meaning} |`)
    .join("\n")}\n`,
  "cli.md": `${made}# Commands\n\n${helps(makeProgram()).join("\n\n")}\n`,
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
