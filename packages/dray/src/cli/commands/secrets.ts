import { text } from "node:stream/consumers";
import { isCancel, password } from "@clack/prompts";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { define } from "../command.ts";
import { say, sayJson, table, tell } from "../screen/say.ts";
import { retireLater } from "./retire.ts";

/** `dray secrets`: what the container knows and nobody else. */
export function addSecrets(program: Command): void {
  const group = program.command("secrets").description("list and set the values that only the container gets");
  addSet(group);
  const ls = group.command("ls").description("list their names, and how the container gets them");
  define<object>(ls, ["dray secrets ls"], async (run) => {
    const found = await run.dray.secrets.list(await run.scope());
    if (run.flags.json === true) return sayJson(found);
    for (const { machine, secrets } of found) {
      const rows = secrets.map(({ name, as }) => [name, as === "env" ? `$${name}` : `/run/secrets/${name}`]);
      say(rows.length === 0 ? `${machine}: none` : `${machine}:\n${table(["SECRET", "IN THE CONTAINER"], rows)}`);
    }
  });
}

function addSet(group: Command): void {
  const set = group
    .command("set")
    .description("set a new value, from standard input or asked for; the live release is started anew with it")
    .argument("<name>");
  define<object>(
    set,
    ["op read op://prod/db/password | dray secrets set DB_PASSWORD", "dray secrets set DB_PASSWORD"],
    async (run, name = "") => {
      const scope = await run.scope();
      const value = await valueFrom(name);
      const outcomes = await run.dray.secrets.set(scope, { name, value }, { retireLater });
      run.screen.close();
      if (run.flags.json === true) return sayJson(outcomes.map(({ plan: _plan, ...outcome }) => outcome));
      for (const { release, machine } of outcomes) say(`${release} serves on ${machine} with the new ${name}`);
      const source = scope.manifest.secrets[name];
      if (source !== undefined && !("machine" in source))
        tell(`the next deploy takes ${name} from where the manifest says; {machine: true} there keeps this value`);
    },
  );
}

async function valueFrom(name: string): Promise<string> {
  if (!process.stdin.isTTY) {
    const piped = (await text(process.stdin)).replace(/\r?\n$/, "");
    if (piped !== "") return piped;
    throw new Failure("usage.invalid", `there is no value for ${name} on standard input`, {
      hint: `like: op read op://prod/db/password | dray secrets set ${name}`,
    });
  }
  const typed = await password({ message: `New value of ${name}` });
  if (isCancel(typed) || typed === "") throw new Failure("usage.declined", "no value; nothing was changed");
  return typed;
}
