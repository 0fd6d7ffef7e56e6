// docs/library.md: every verb of `Drayage` with what its declaration says of it, and the example that CI runs.
import { existsSync, readFileSync } from "node:fs";

const DECLARED = new URL("../packages/dray/dist/drayage.d.ts", import.meta.url);
const EXAMPLE = new URL("../examples/library/release.mjs", import.meta.url);

const HEAD = `# The library

Everything that \`dray\` does can be done by a program. The package that has the command has one object with every verb, and its types
([install](install.md)).

\`\`\`js
${readFileSync(EXAMPLE, "utf8").trim()}
\`\`\`

A \`Scope\` is a manifest and, where only one of its places is meant, that place's name. A verb that refuses or fails throws a \`Failure\` with a
code, a sentence, a hint and an exit code: [the list](failures.md). Verbs that change something are runs: \`emit\` is told every step of them, and
\`dray.runs\` has them later, too.
`;

interface Verb {
  name: string;
  about: string;
  throws: string;
}

/** The page. @throws where the library was not built */
export function libraryPage(): string {
  if (!existsSync(DECLARED)) throw new Error("the library's declarations are not there: npm run build");
  const rows = verbsOf(readFileSync(DECLARED, "utf8")).map(
    ({ name, about, throws }) => `| \`${name}\` | ${about} | ${throws} |`,
  );
  return `${HEAD}\n## Verbs\n\n| verb | what it does | failures of its own |\n|---|---|---|\n${rows.join("\n")}\n`;
}

/** Members of the class, and of the groups in it; what begins deeper inside is part of a type. */
function verbsOf(text: string): Verb[] {
  const [, body = ""] = /export declare class Drayage \{\n([\s\S]*?)\n\}/.exec(text) ?? [];
  const verbs: Verb[] = [];
  let doc = "";
  let group: string | undefined;
  for (const line of body.split("\n")) {
    const [, opened] = /^ {4}readonly (\w+): \{$/.exec(line) ?? [];
    if (opened !== undefined) group = opened;
    else if (line === "    };") group = undefined;
    const inside = group === undefined ? / {4}/ : / {8}/;
    const [, said] = new RegExp(`^${inside.source}/\\*\\* (.*) \\*/$`).exec(line) ?? [];
    const [, name] = new RegExp(`^${inside.source}(\\w+)(?:\\(|: \\()`).exec(line) ?? [];
    if (said !== undefined) doc = said;
    if (name !== undefined && name !== "constructor") {
      verbs.push(verbOf(group === undefined ? name : `${group}.${name}`, doc));
    }
    if (name !== undefined || opened !== undefined) doc = "";
  }
  return verbs;
}

function verbOf(name: string, doc: string): Verb {
  const [about = "", throws = ""] = doc.split(/\s*@throws /);
  if (about === "") throw new Error(`Drayage.${name} does not say what it does`);
  return { name, about: about.trim(), throws: throws.replace(/^Failure\s?/, "") };
}
