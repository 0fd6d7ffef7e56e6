// How the project speaks: its pages, help, descriptions and messages, in the voice of plain technical English.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { CODES } from "../packages/dray/src/base/codes.ts";
import { makeProgram } from "../packages/dray/src/cli/program.ts";
import { HEALTHY } from "../packages/dray/src/core/faults/healthy.ts";
import { FAULTS } from "../packages/dray/src/core/faults/table.ts";
import { HOP_TABLE } from "../packages/dray/src/core/hops.ts";
import { manifestSchema } from "../packages/dray/src/yaml/schema.ts";
import { LISTED } from "./words/listed.ts";
import { messagesIn } from "./words/messages.ts";
import { faultOf, proseOf, type Sentence, sentencesOf } from "./words/sentences.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const read = (file: string): string => readFileSync(`${ROOT}${file}`, "utf8");
const below = (folder: string, ends: string): string[] =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ends))
    .map((file) => `${folder}/${file}`);

const PAGES = ["README.md", ...below("docs", ".md"), ...below("examples", "README.md")];
const SOURCES = ["console", "dray", "keeper", "serve"]
  .flatMap((name) => below(`packages/${name}/src`, ".ts"))
  .filter((file) => !file.endsWith(".test.ts"));

function help(command: Command): Sentence[] {
  const flags = [...command.options, ...command.registeredArguments].map(({ description }) => description);
  return [
    ...sentencesOf(`--help of ${command.name()}`, command.description(), ...flags),
    ...command.commands.flatMap(help),
  ];
}

interface Described {
  description?: string;
  properties?: Record<string, Described>;
  anyOf?: Described[];
}

function descriptions({ description = "", properties = {}, anyOf = [] }: Described, at: string): Sentence[] {
  return [
    ...sentencesOf(`manifest ${at}`, description),
    ...Object.entries(properties).flatMap(([key, value]) => descriptions(value, `${at}.${key}`)),
    ...anyOf.flatMap((each) => descriptions(each, at)),
  ];
}

const faults = (): Sentence[] => [
  ...FAULTS.flatMap((fault) => {
    const found = fault.example(HEALTHY);
    const { title, outside, byHand } = fault;
    return sentencesOf(`fault ${title}`, title, outside, byHand, fault.why(found), fault.fix(found));
  }),
  ...HOP_TABLE.flatMap(({ hop, explain }) => sentencesOf(`hop ${hop}`, explain(HEALTHY))),
];

const SPOKEN: Record<string, () => Promise<Sentence[]> | Sentence[]> = {
  pages: () => PAGES.flatMap((page) => sentencesOf(page, ...proseOf(read(page)))),
  help: async () => help(await makeProgram()),
  "schema descriptions": () => descriptions(z.toJSONSchema(manifestSchema, { io: "input" }) as Described, ""),
  failures: () => Object.entries(CODES).flatMap(([code, [, meaning]]) => sentencesOf(code, meaning)),
  "faults and hops": faults,
  messages: () => SOURCES.flatMap((file) => sentencesOf(file, ...messagesIn(read(file)))),
};

describe.each(Object.entries(SPOKEN))("%s", (_what, spoken) => {
  test("no statement opens with Who, What or Whom, and no sentence is longer than 30 words", async () => {
    const all = await spoken();
    expect(all.length).toBeGreaterThan(20);
    const wrong = all.flatMap((each) => {
      const fault = faultOf(each);
      return fault === undefined ? [] : `${each.from}: ${fault}: ${each.text}`;
    });
    expect(wrong).toEqual([]);
  });
});

test("none of the sentences that were mended comes back, in a page or in the code", () => {
  const found = [...PAGES, ...SOURCES].flatMap((file) =>
    LISTED.filter((sentence) => read(file).replaceAll(/\s+/g, " ").includes(sentence)).map(
      (each) => `${file}: ${each}`,
    ),
  );
  expect(found).toEqual([]);
});

test("the lint sees what it is for", () => {
  const faultsIn = (text: string): (string | undefined)[] => sentencesOf("", ...proseOf(text)).map(faultOf);
  expect(faultsIn("Who calls gets an answer.")).toEqual(["a statement opens with Who, What or Whom"]);
  expect(faultsIn("What is it? It is `one thing`.")).toEqual([undefined, undefined]);
  expect(faultsIn(`It is ${"very ".repeat(30)}long.`)).toEqual(["33 words"]);
  expect(
    faultsIn("```sh\nwhat goes here is a command\n```\n\n| what is | a table |\n\n## What a heading is\n"),
  ).toEqual([]);
  expect(messagesIn('throw new Failure("bug", `what ${name} is`, { hint: "do it" });')).toEqual(["what X is", "do it"]);
});
