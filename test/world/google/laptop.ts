import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Ended } from "../../../packages/dray/src/base/process.ts";
import { must } from "../images.ts";
import { worldFolder } from "../owner.ts";
import { laptopEnv, runDray, type Running, startDray } from "../vm.ts";
import type { Google } from "./google.ts";

/** A laptop with an SSH key and a login for Google, and nothing else known. */
export interface Laptop extends AsyncDisposable {
  folder: string;
  env: NodeJS.ProcessEnv;
  dray(...argv: string[]): Promise<Ended>;
  drayRunning(...argv: string[]): Running;
  /** The result of a command that went well. */
  json<T>(...argv: string[]): Promise<T>;
  write(name: string, content: string): Promise<void>;
  read(name: string): Promise<string>;
}

export async function openLaptop(google: Google): Promise<Laptop> {
  const folder = await worldFolder();
  const at = (name: string): string => path.join(folder, name);
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at("key")]);
  const lines = [`IdentityFile ${at("key")}`, "IdentitiesOnly yes", `UserKnownHostsFile ${at("known_hosts")}`];
  await writeFile(at("ssh_config"), ["Host *", ...lines.map((line) => `  ${line}`), ""].join("\n"));
  const env = { ...laptopEnv(at("ssh_config")), ...google.env };
  // Google's names lead to this test's own, for this laptop alone.
  const hosts = `mount --bind ${google.artifacts.hosts} /etc/hosts && exec "$@"`;
  const within = ["unshare", process.getuid?.() === 0 ? "-m" : "-rm", "sh", "-c", hosts, "sh"];
  const dray = (...argv: string[]): Promise<Ended> => runDray(folder, env, argv, undefined, within);
  return {
    folder,
    env,
    dray,
    drayRunning: (...argv) => startDray(folder, env, argv, within),
    json: async <T>(...argv: string[]): Promise<T> => {
      const ended = await dray(...argv, "--json");
      if (ended.code !== 0)
        throw new Error(`dray ${argv.join(" ")} ended with ${ended.code}\n${ended.stdout}${ended.stderr}`);
      return JSON.parse(ended.stdout) as T;
    },
    write: (name, content) => writeFile(at(name), content),
    read: (name) => readFile(at(name), "utf8"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
