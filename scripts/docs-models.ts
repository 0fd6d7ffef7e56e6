// docs/models.md: how models are asked, what schema.yaml may say, and what is not served, as the tests found it.
import { readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { strangers } from "../test/fixtures/strangers.ts";
import { schemaFile } from "../packages/serve/src/schema/schema-file.ts";

interface Key {
  description?: string;
  type?: string;
  properties?: Record<string, Key>;
  items?: Key;
}

const ABOUT = `# Models

Any \`.onnx\` file is served, or refused in one sentence that says what to do. Nothing is guessed from names.

## How a model is asked

When a model is loaded, it is asked with different rows of the server's own: each alone, all together, in two parts and in another order. Rows
of several callers are asked together only if every row had the same answer alone and in company, and every output had as many rows as were
sent. Any other model is asked one request at a time. \`GET /\` (\`batching\`) and the log say which, and why.

- A model that takes a fixed number of rows gets shorter lists filled up and longer ones in parts, where it was shown that rows do not mix.
- \`rows: false\` in schema.yaml says that the first dimension is no list of rows: a request is one whole set of inputs, a sequence for example.
- The server's rows are made up. Where the model takes none of them, it is served all the same, one request at a time: give it an example
  (\`dray init --example row.json\`, or \`example:\` in schema.yaml).

## What answers mean

The operator that made an output decides, also behind Cast, Identity, Reshape and the like.

| made by | is |
|---|---|
| a tree ensemble, linear or SVM classifier | \`label\`, and \`probabilities\` by class where the values are chances; the names of the classes are the operator's |
| ZipMap | \`probabilities\` by class; numbers that are no chances: an object under \`outputs\` |
| Softmax over the columns | \`probabilities\` |
| ArgMax over the columns, also with names looked up by it | \`label\` |
| a regressor, Sigmoid, or whatever makes a model's only output, if it is one number a row | \`score\` |
| anything else; LogSoftmax; inputs that come out again; two outputs that could be the same thing | \`outputs\`, by name |

\`outputs:\` in schema.yaml says otherwise. With names of classes given (\`labels\`), an output of as many columns is \`probabilities\` if its
values were chances for every row that was tried. NaN and infinite numbers are \`null\` in answers.

## Missing values

\`null\`, or a feature that is left out, is NaN where every operator that reads the feature can handle one. Those are an Imputer, IsNaN, and trees with a
direction for missing values. Elsewhere it is refused with 422, unless schema.yaml says \`missing: true\`.

## Weights in other files

Files that a model names for its weights are served, watched by \`dray serve\`, carried as a layer each, and part of the digest. They lie in the
model's folder or below it; names and links that lead out of it are refused.

## Memory

The server runs one process for each core, and each has the model to itself. Where the container's memory has no room for so many, it runs fewer: 96 MiB
and 1.3 times the model's files are counted for each. \`dray init --model\` writes \`limits.memory\` so that at least one fits; more memory is more processes.

## How requests are read

Rows that come to \`/decisions\` as most clients send them are read straight from the connection. That is a \`POST\` of HTTP/1.1 with
\`application/json\`, one \`content-length\` of at most 64 KiB, and no header that changes how a request is read or answered. Node's own HTTP
server reads everything else, and what follows it on that connection. Answers, checks, limits and numbers are the same.

\`DRAY_WIRE: standard\` (under \`env:\` in dray.yaml) has Node's server read everything.

## Models of Python

\`dray init\` writes what makes an API of a model that is no ONNX file, and \`dray deploy\` builds it:

| given | asked in the container | also written |
|---|---|---|
| \`--python predict:predict\` | your function; \`load()\` of the same file is called once before | |
| \`--model model.joblib\`, \`.pkl\` | scikit-learn's \`predict_proba\`, else \`predict\` | \`to_onnx.py\`, where all its parts are scikit-learn's own |
| \`--model model.cbm\`, \`model.json\` | CatBoost, XGBoost | \`to_onnx.py\` |
| \`--model net.pt\` | a torch module, pickled or TorchScript | |

Written are a Dockerfile (its layers in the order of change), \`serve.py\` (the server), \`predict.py\` (what a row becomes, and an answer),
\`requirements.txt\`, \`schema.yaml\` and, with \`--example row.json\`, a golden request. They are short, and yours to change.

- **A pickle is code**: whoever made it decides what runs when it is opened. \`dray\` reads the names in it and never opens it; the container does.
  A file that wants classes of the script that made it (\`__main__\`) is refused: no other program has them.
- Versions are those of the Python that the model was made with: an active environment, a \`.venv\` here, else \`python3\`; of scikit-learn the one
  that the pickle names. A \`requirements.txt\` of your own is left as it is.
- A function whose first parameter is said to be a list (\`rows: list\`) gets all rows of a request; any other one gets them one by one.
- \`serve.py\` has the routes, checks, limits, health and numbers of our own server, but neither \`/v2\` nor batches across callers. One request is in
  the model at a time, until \`THREADS\` (\`env:\` in dray.yaml) says otherwise; \`replicas\` is what makes it faster.
- \`to_onnx.py\` makes the ONNX file and compares its answers with the model's own. That file is served without Python, and many times as fast.
`;

/** The whole page. */
export function modelsPage(snapshots: string): string {
  const { properties = {} } = z.toJSONSchema(schemaFile, { io: "input" }) as Key;
  const keys = `## schema.yaml\n\n| key | meaning |\n|---|---|\n${keyRows(properties, "").join("\n")}\n`;
  return `${ABOUT}\n${keys}\n${refusals(snapshots)}`;
}

function keyRows(keys: Record<string, Key>, prefix: string): string[] {
  return Object.entries(keys).flatMap(([key, value]) => [
    `| \`${prefix}${key}\` | ${value.description ?? ""} |`,
    ...keyRows(value.properties ?? {}, `${prefix}${key}.`),
    ...keyRows(value.items?.properties ?? {}, `${prefix}${key}[].`),
  ]);
}

/** What the tests saw refused, in the server's own words. */
function refusals(snapshots: string): string {
  const words = new Map(
    [...readFileSync(snapshots, "utf8").matchAll(/^exports\[`(\S+) > .*?\] = `"(.*)"`;$/gm)].map((match) => [
      match[1] ?? "",
      match[2] ?? "",
    ]),
  );
  const row = ({ name }: { name: string }): string => `| ${name.replace("made-", "")} | ${words.get(name) ?? ""} |`;
  const table = (title: string, loaded: boolean): string => {
    const found = strangers().filter((each) => !each.servable && loads(each.folder) === loaded);
    return `## ${title}\n\n| the test's model | what is said |\n|---|---|\n${found.map(row).join("\n")}\n`;
  };
  return [
    table("Not served, although Python's onnxruntime loads it", true),
    WHY_NOT,
    table("Not served, and Python's onnxruntime does not load it either", false),
  ].join("\n");
}

const WHY_NOT = `onnxruntime for Node takes and gives tensors alone, of the types that JavaScript has arrays for. A model with a map or a sequence as input or
output loads there, and cannot be asked. One with bfloat16 as input or output does not load.
`;

function loads(folder: string): boolean {
  const said = JSON.parse(readFileSync(path.join(folder, "expected.json"), "utf8")) as { servable: boolean };
  return said.servable;
}
