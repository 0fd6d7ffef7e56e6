import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { forAnyShell, run } from "../base/process.ts";
import { machine as machineInManifest } from "../manifest/parts.ts";
import { checkHost, Link } from "./ssh-link.ts";

const { signal } = new AbortController();

describe("a host that ssh would take for something else", () => {
  const BAD = ["-oProxyCommand=touch /tmp/x", "-lroot", "root@-oProxyCommand=x", "a b", "a\nb", "a\u001B[2J", ""];

  test.each(BAD)("is refused: %j", async (host) => {
    expect(() => checkHost(host)).toThrow(expect.objectContaining({ code: "ssh.unknown-host" }));
    await expect(Link.to({ name: "x", ssh: host }, {})).rejects.toMatchObject({ code: "ssh.unknown-host" });
    expect(machineInManifest.safeParse(host).success).toBe(false);
  });

  test.each(["ops@203.0.113.7", "vm-1", "ssh://ops@vm:2222", "ssh://ops@[2001:db8::1]:22"])(
    "is not this: %s",
    (host) => {
      expect(checkHost(host)).toBe(host);
      expect(machineInManifest.safeParse(host).success).toBe(true);
    },
  );
});

describe("the tool's own ssh", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "dray-link-"));
    const config = path.join(folder, "config");
    const lines = [
      "RemoteCommand tmux new -A -s main",
      "RequestTTY force",
      "LocalForward 5432 localhost:5432",
      "RemoteForward 9000 localhost:9000",
      "DynamicForward 1080",
      "PermitLocalCommand yes",
      "ForwardAgent yes",
      "LogLevel QUIET",
      "User somebody",
    ];
    await writeFile(config, `Host vm\n${lines.map((line) => `  ${line}\n`).join("")}`);
    vi.stubEnv("DRAY_SSH_CONFIG", config);
    vi.stubEnv("XDG_RUNTIME_DIR", folder);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  /** What ssh itself makes of its argv and the user's configuration. */
  async function settings(terminal: boolean): Promise<Record<string, string>> {
    const link = await Link.to({ name: "vm", ssh: "vm" }, {});
    const { stdout } = await run(link.argv({ terminal, extra: ["-G"] }), { signal });
    return Object.fromEntries(
      stdout.split("\n").map((line): [string, string] => {
        const [, key = "", value = ""] = /^(\S+) (.*)$/.exec(line) ?? [];
        return [key, value];
      }),
    );
  }

  test("drops what the user's configuration says for people, and keeps the rest", async () => {
    const found = await settings(false);
    expect(found).toMatchObject({
      user: "somebody",
      requesttty: "false",
      clearallforwardings: "yes",
      permitlocalcommand: "no",
      forwardagent: "no",
      loglevel: "INFO",
    });
    expect(found).not.toHaveProperty("remotecommand");
  });

  test("has a terminal where one is asked for", async () => {
    expect(await settings(true)).toMatchObject({ requesttty: "true" });
  });

  test("puts the host behind --, in all that it starts", async () => {
    const link = await Link.to({ name: "vm", ssh: "vm" }, {});
    expect(link.argv().slice(-2)).toEqual(["--", "vm"]);
    const fake = path.join(folder, "ssh");
    await writeFile(
      fake,
      `#!/bin/sh\nprintf '%s ' "$@" >> ${folder}/said; echo >> ${folder}/said\ncase "$*" in *-O*) test -f ${folder}/up;; *-fN*) touch ${folder}/up;; esac\n`,
    );
    await chmod(fake, 0o755);
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
    await link.open(signal);
    const said = (await readFile(path.join(folder, "said"), "utf8")).trim().split("\n");
    expect(said.length).toBeGreaterThan(2);
    for (const line of said) expect(line).toMatch(/ -- vm( true)? ?$/);
    // A master is asked without the user's configuration: forwardings there would be asked for, too.
    for (const line of said.filter((each) => each.includes("-O"))) expect(line).toMatch(/^-F none /);
    expect(said.find((each) => each.includes("-fN"))).toContain("ClearAllForwardings=yes");
  });
});

describe("a script for any login shell", () => {
  const SCRIPTS = [
    `echo "it's $((1+1))"; printf '%s\\n' 'a\\b' "c!d"`,
    "if true\nthen\n  echo 'two lines' | tr t T\nfi",
    `awk 'BEGIN { print "100%\\t" "\\\\" }'`,
    "echo žluťoučký '!!' \\! `echo x`; exit 7",
  ];

  test.each(SCRIPTS)("says the same as sh itself: %j", async (script) => {
    const direct = await run(["sh", "-c", script], { signal });
    const through = await run(["bash", "-c", forAnyShell(script)], { signal });
    expect(through).toEqual(direct);
  });

  test.each(SCRIPTS)("has in its quotes nothing that csh, fish or nushell would read: %j", (script) => {
    const word = forAnyShell(script);
    const quoted = [...word.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? "");
    expect(word.replaceAll(/'[^']*'/g, "''")).toBe("sh -c '' ''");
    for (const each of quoted) expect(each).not.toMatch(/[!\n\r]|\\\\|\\$/);
  });

  test("keeps words apart, and its standard input", async () => {
    const ended = await run(["bash", "-c", forAnyShell("exec cat")], { signal, stdin: "fed\n" });
    expect(ended.stdout).toBe("fed\n");
  });
});
