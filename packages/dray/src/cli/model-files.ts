import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import type { ModelFacts } from "../flows/release/model.ts";

/** Writes schema.yaml beside the model and golden.json beside the manifest, where they are missing. */
export async function describeModel(
  folder: string,
  model: string,
  facts: ModelFacts,
  force: boolean,
): Promise<string[]> {
  const schema = path.join(path.dirname(model), "schema.yaml");
  const golden = path.join(folder, "golden.json");
  const texts: [string, string][] = [
    [schema, schemaText(facts)],
    ...(facts.decision === undefined
      ? []
      : [[golden, `${JSON.stringify(goldenOf(facts), undefined, 2)}\n`] satisfies [string, string]]),
  ];
  const missing = texts.filter(([file]) => force || !existsSync(file));
  for (const [file, content] of missing) await writeFile(file, content);
  return missing.map(([file]) => path.relative(folder, file));
}

/** What the model does not say is left for a person to fill in. */
function schemaText(facts: ModelFacts): string {
  const example = (name: string): object =>
    facts.decision !== undefined && facts.example[name] !== undefined ? { example: facts.example[name] } : {};
  const features = facts.features.map(({ name, type }) =>
    type === "tensor" ? { name, ...short(example(name)) } : { name, type, ...example(name) },
  );
  const head =
    "# What the model file does not say about itself. For each feature: title, description, unit, minimum, maximum,\n# values (a list, or names with the numbers the model was trained on), default, example.\n";
  return (
    head +
    stringify({
      title: facts.description || "A model",
      ...(facts.labels.length > 0 ? { labels: facts.labels } : {}),
      features,
    })
  );
}

/** Nested arrays that are longer than a few lines are in the golden request only. */
const short = (part: object): object => (JSON.stringify(part).length > 500 ? {} : part);

/** The example, and what the model answered to it just now; numbers may differ in the last digits. */
function goldenOf(facts: ModelFacts): object[] {
  return [
    {
      request: { method: "POST", path: "/decisions", body: facts.example },
      expect: { status: 200, body: facts.decision },
    },
  ];
}
