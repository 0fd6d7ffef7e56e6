import { readFile } from "node:fs/promises";
import { isCancel, password } from "@clack/prompts";
import type { Command } from "commander";
import { Failure } from "../../base/failure.ts";
import { Secret } from "../../base/secret.ts";
import type { Whose } from "../../flows/fleet/hosts.ts";
import { define, type Run } from "../command.ts";
import { say, sayJson } from "../screen/say.ts";

/** Where a passphrase is looked for before somebody is asked. */
const VARIABLE = "DRAY_BACKUP_PASSPHRASE";

interface Flags {
  passphraseFile?: string;
}

/** `dray machine backup` and `restore`: a machine that is lost, on another one. `named`: whom the manifest means. */
export function addBackup(group: Command, named: (run: Run<object>) => Promise<Whose>): void {
  const from = "--passphrase-file <file>";
  const where = `its first line is the passphrase (default: ${VARIABLE}, or asked for)`;
  const backup = group
    .command("backup")
    .description("write a sealed file with what another machine needs to take over: keys, certificates, history")
    .argument("[host]", "user@host")
    .option("-o, --out <folder>", "where the file goes", ".")
    .option("--data", "also the volumes in which services keep data")
    .option(from, where);
  const examples = ["dray machine backup", "dray machine backup ops@203.0.113.7 --data --out backups"];
  define<Flags & { out: string; data?: boolean }>(backup, examples, async (run, host) => {
    const whose = host === undefined ? await named(run) : { host };
    const passphrase = await passphraseOf(run.flags, "new");
    const { out: folder, data = false } = run.flags;
    const files = await run.dray.hosts.backUp(whose, { folder, data, passphrase });
    run.screen.close();
    if (run.flags.json === true) return sayJson(files);
    for (const { machine, services, file } of files) say(`${machine} (${services.join(", ")}) is in ${file}`);
  });
  const restore = group
    .command("restore")
    .description("put a backup on a machine that has nothing of dray's; dray deploy then brings the replicas")
    .argument("<file>", "of dray machine backup")
    .argument("[host]", "user@host")
    .option(from, where);
  const file = "dray-vm-20261130T191500Z.tar.age";
  define<Flags>(
    restore,
    [`dray machine restore ${file}`, `dray machine restore ${file} ops@203.0.113.9`],
    async (run, name = "", host) => {
      const whose = host === undefined ? await named(run) : { host };
      const passphrase = await passphraseOf(run.flags, "known");
      const restored = await run.dray.hosts.restore(whose, { file: name, passphrase });
      run.screen.close();
      if (run.flags.json === true) return sayJson(restored);
      say(`${restored.machine} has the keys, certificates and history of ${restored.services.join(", ")}`);
      say("its edge answers 503 until the replicas are there: dray deploy");
    },
  );
}

/** @throws Failure usage.invalid, usage.declined */
async function passphraseOf({ passphraseFile }: Flags, as: "new" | "known"): Promise<Secret> {
  if (passphraseFile !== undefined) return new Secret(await firstLine(passphraseFile));
  const given = process.env[VARIABLE];
  if (given !== undefined && given !== "") return new Secret(given);
  if (!process.stdin.isTTY)
    throw new Failure("usage.invalid", "there is no passphrase for the backup", {
      hint: `set ${VARIABLE}, or name a file: --passphrase-file FILE`,
    });
  const typed = await ask("Passphrase of the backup");
  if (as === "new" && (await ask("Once more")) !== typed)
    throw new Failure("usage.declined", "these are two passphrases; nothing was written", {
      hint: "run the same command again",
    });
  return new Secret(typed);
}

async function firstLine(file: string): Promise<string> {
  const said = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("usage.invalid", `${file} cannot be read`, { hint: "is the path right?", cause: error });
  });
  return said.split(/\r?\n/)[0] ?? "";
}

async function ask(message: string): Promise<string> {
  const typed = await password({ message });
  if (isCancel(typed) || typed === "") throw new Failure("usage.declined", "no passphrase; nothing was done");
  return typed;
}
