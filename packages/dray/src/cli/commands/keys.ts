import type { Access } from "../../contract/answers.ts";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import type { Key } from "../../core/keys.ts";
import { callerNameOf, name as callerName } from "../../manifest/parts.ts";
import { define } from "../command.ts";
import { say, sayJson, table, tell } from "../screen/say.ts";

/** `dray keys`: who may call. */
export function addKeys(program: Command): void {
  const group = program
    .command("keys")
    .description("add, list and revoke callers' keys; changes count from the next request on");
  addAdd(group);
  addLs(group);
  const revoke = group.command("revoke").description("shut a caller out").argument("<name>");
  define<object>(revoke, ["dray keys revoke partners"], async (run, name = "") => {
    const scope = await run.scope();
    const { manifest } = scope;
    const left = await run.dray.keys.revoke(scope, name);
    const inManifest = typeof manifest.keys === "object" ? manifest.keys : {};
    if (Object.hasOwn(inManifest, name) || Object.hasOwn(inManifest, callerNameOf(name)))
      tell(`warning: the manifest still names ${name}: the next deploy lets it in again`);
    if (run.flags.json === true) return sayJson({ revoked: name });
    say(`${name} is shut out`);
    if (left.some(({ closed, keys }) => closed && Object.keys(keys).length === 0)) tell(`the service is ${SHUT}`);
  });
}

function addAdd(group: Command): void {
  const add = group.command("add").description("make a key for a caller: shown once, kept nowhere").argument("<name>");
  define<object>(add, ["dray keys add partners"], async (run, name) => {
    const value = await run.dray.keys.add(await run.scope(), nameOf(name));
    if (run.flags.json === true) return sayJson({ name, key: value });
    tell(`${name} may call with this key from now on; it is not shown again:`);
    say(value);
  });
}

function addLs(group: Command): void {
  const ls = group.command("ls").description("list the callers that have a key");
  define<object>(ls, ["dray keys ls"], async (run) => {
    const found = (await run.dray.keys.list(await run.scope())).map(({ machine, ...access }) => ({
      machine,
      ...listed(access),
    }));
    if (run.flags.json === true) return sayJson(found);
    for (const { machine, closed, keys } of found) {
      if (keys.length === 0) say(`${machine}: ${closed ? SHUT : OPEN}`);
      else
        say(
          `${machine}:${closed ? "" : ` ${OPEN}`}\n${table(
            ["CALLER", "FROM", "SINCE", "SHA-256"],
            keys.map(({ name, from, at, sha256 }) => [name, from, at, `${sha256}...`]),
          )}`,
        );
    }
  });
}

const OPEN = "open to everybody; dray keys add NAME closes it";
const SHUT =
  "closed to everybody: nobody has a key; dray keys add NAME lets a caller in, keys: off in the manifest everybody";

/** Keys as they are shown: of a hash only its beginning. */
function listed({ closed, keys }: Access): { closed: boolean; keys: ({ name: string } & Key)[] } {
  const rows = Object.entries(keys).map(([name, { sha256, from, at }]) => ({
    name,
    from,
    at,
    sha256: sha256.slice(0, 12),
  }));
  return { closed, keys: rows };
}

function nameOf(name: string | undefined): string {
  const named = callerName.safeParse(name);
  if (named.success) return named.data;
  throw new Failure("usage.invalid", `${name ?? ""} is no name of a caller`, {
    hint: "lower-case letters, digits and dashes, beginning with a letter",
  });
}
