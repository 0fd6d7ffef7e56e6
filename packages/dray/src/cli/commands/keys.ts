import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { machinesOf, onEach } from "../../flows/fleet.ts";
import { addKey, listKeys, newKey, revokeKey } from "../../flows/keys.ts";
import { define } from "../command.ts";
import { say, sayJson, table, tell } from "../screen/say.ts";

const NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** `dray keys`: who may call. */
export function addKeys(program: Command): void {
  const group = program.command("keys").description("who may call the service; changes count from the next request on");
  addAdd(group);
  addLs(group);
  const revoke = group.command("revoke").description("shut a caller out").argument("<name>");
  define<object>(revoke, ["dray keys revoke partners"], async (run, name) => {
    const manifest = await run.manifest();
    const wheres = machinesOf(manifest, run.flags.machine);
    await onEach(wheres, wheres.length, (where) =>
      revokeKey(where, run.ssh, manifest.service, nameOf(name), run.who, run.context),
    );
    if (manifest.keys?.[nameOf(name)] !== undefined)
      tell(`warning: the manifest still names ${name}: the next deploy lets it in again`);
    if (run.flags.json === true) return sayJson({ revoked: name });
    say(`${name} is shut out`);
  });
}

function addAdd(group: Command): void {
  const add = group.command("add").description("a key for a caller: shown once, kept nowhere").argument("<name>");
  define<object>(add, ["dray keys add partners"], async (run, name) => {
    const manifest = await run.manifest();
    const wheres = machinesOf(manifest, run.flags.machine);
    const { value, key } = newKey();
    const named = { name: nameOf(name), key };
    await onEach(wheres, wheres.length, (where) =>
      addKey(where, run.ssh, manifest.service, named, run.who, run.context),
    );
    if (run.flags.json === true) return sayJson({ name, key: value });
    tell(`${name} may call with this key from now on; it is not shown again:`);
    say(value);
  });
}

function addLs(group: Command): void {
  const ls = group.command("ls").description("who may call");
  define<object>(ls, ["dray keys ls"], async (run) => {
    const manifest = await run.manifest();
    const wheres = machinesOf(manifest, run.flags.machine);
    const found = await onEach(wheres, wheres.length, async (where) => ({
      machine: where.name,
      keys: Object.entries(await listKeys(where, run.ssh, manifest.service, run.context)).map(
        ([name, { sha256, from, at }]) => ({ name, from, at, sha256: sha256.slice(0, 12) }),
      ),
    }));
    if (run.flags.json === true) return sayJson(found);
    for (const { machine, keys } of found) {
      if (keys.length === 0) say(`${machine}: open to everybody; dray keys add NAME closes it`);
      else
        say(
          `${machine}:\n${table(
            ["CALLER", "FROM", "SINCE", "SHA-256"],
            keys.map(({ name, from, at, sha256 }) => [name, from, at, `${sha256}...`]),
          )}`,
        );
    }
  });
}

function nameOf(name: string | undefined): string {
  if (name !== undefined && NAME.test(name)) return name;
  throw new Failure("usage.invalid", `${name ?? ""} is no name of a caller`, {
    hint: "lower-case letters, digits and dashes, beginning with a letter",
  });
}
