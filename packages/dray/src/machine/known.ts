import { existsSync } from "node:fs";
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import path from "node:path";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import { checkHost } from "./ssh-link.ts";

/** Who logs in on a new machine: this user, as Linux spells names, with the key that ssh would show. @throws Failure ssh.no-key */
export async function ownLogin(host: string, signal: AbortSignal): Promise<{ user: string; key: string }> {
  const settings = await sshSettings(host, signal);
  const files = (settings.get("identityfile") ?? []).map((file) => `${expand(file)}.pub`);
  const [named] = settings.get("user") ?? [];
  const user = linuxName(named ?? userInfo().username);
  for (const file of files.filter((each) => existsSync(each)))
    return { user, key: (await readFile(file, "utf8")).trim() };
  const agent = await run(["ssh-add", "-L"], { signal }).catch(() => undefined);
  const [first] = agent?.code === 0 ? agent.stdout.split("\n").filter((line) => /^(ssh|ecdsa|sk)-/.test(line)) : [];
  if (first !== undefined) return { user, key: first };
  throw new Failure("ssh.no-key", "there is no SSH key on this computer", {
    hint: "ssh-keygen -t ed25519; then run the same command again",
  });
}

/** Root may not log in on a cloud's machines, and not every name of a laptop is one of Linux. */
function linuxName(name: string): string {
  const spelled = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "")
    .replace(/^[^a-z_]+/, "")
    .slice(0, 32);
  return spelled === "" || spelled === "root" ? "dray" : spelled;
}

/** Writes a machine's host keys down where ssh looks for them; what stood there of the same address is another machine's, and goes. */
export async function rememberHostKeys(host: string, keys: readonly string[], signal: AbortSignal): Promise<string> {
  const settings = await sshSettings(host, signal);
  const [first = "~/.ssh/known_hosts"] = settings.get("userknownhostsfile")?.[0]?.split(" ") ?? [];
  const file = expand(first);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const known = await readFile(file, "utf8").catch(() => "");
  const lines = keys.map((key) => `${host} ${key}`);
  if (lines.length > 0 && lines.every((line) => known.includes(`${line}\n`))) return file;
  if (known !== "") await run(["ssh-keygen", "-R", host, "-f", file], { signal });
  await appendFile(file, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  return file;
}

/** Forgets a machine that is gone. */
export async function forgetHost(host: string, signal: AbortSignal): Promise<void> {
  const settings = await sshSettings(host, signal);
  const [first = "~/.ssh/known_hosts"] = settings.get("userknownhostsfile")?.[0]?.split(" ") ?? [];
  if (existsSync(expand(first))) await run(["ssh-keygen", "-R", host, "-f", expand(first)], { signal });
}

function expand(file: string): string {
  return file.replace(/^~(?=\/)/, homedir());
}

/** What ssh itself would use for a host, as `ssh -G` tells: option (small letters) to its values. */
async function sshSettings(host: string, signal: AbortSignal): Promise<Map<string, string[]>> {
  const config = process.env["DRAY_SSH_CONFIG"];
  const ended = await run(["ssh", ...(config === undefined ? [] : ["-F", config]), "-G", "--", checkHost(host)], {
    signal,
  });
  const found = new Map<string, string[]>();
  for (const line of ended.stdout.split(/\r?\n/)) {
    const [, key = "", value = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (key !== "") found.set(key, [...(found.get(key) ?? []), value]);
  }
  return found;
}
