import { expect, test } from "vitest";
import { appImage, makeStaticImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm } from "../world/vm.ts";

const PLANTED = ["planted-env-7f3a", "planted-file-91bc", "planted-command-d20e"];

test("secrets from the environment, a file and a command reach the container, and nothing else", async () => {
  await using vm = await startVm();
  await vm.write("token", PLANTED[1] ?? "");
  const manifest = (more: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nsecrets:\n  FROM_ENV: {env: PLANTED}\n  FROM_FILE: {file: token}\n  FROM_COMMAND: {command: [cat, command-token]}\n${more}`,
    );
  await vm.write("command-token", `${PLANTED[2]}\n`);
  await manifest("");
  const said: string[] = [];
  const dray = async (...argv: string[]): Promise<string> => {
    const ended = await vm.drayWith({ PLANTED: PLANTED[0] ?? "", DRAY_DEBUG: "1" }, ...argv);
    said.push(ended.stdout, ended.stderr);
    return ended.stdout + ended.stderr;
  };
  const running = dray("deploy", "--json");
  const argv = await vm.inside("sh", "-c", "sleep 0.3; cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
  expect(JSON.parse((await running).split("\n{")[0] ?? "")).toBeTruthy();
  for (const command of ["plan", "status --json", "logs", "logs --edge", "request --path /", "rollback", "deploy"])
    await dray(...command.split(" "));
  await manifest("env: {MODE: crash}\n");
  expect(await dray("deploy")).toContain("[release.crashed]");
  const inside = async (name: string): Promise<string> =>
    (await vm.drayWith({ PLANTED: PLANTED[0] ?? "" }, "exec", "--", "printenv", name)).stdout;
  expect(await Promise.all(["FROM_ENV", "FROM_FILE", "FROM_COMMAND"].map(inside))).toEqual(
    PLANTED.map((each) => `${each}\n`),
  );
  const volume = await vm.inside("docker", "exec", "dray-edge", "bash", "-c", "cat /var/lib/dray/* 2>/dev/null; true");
  // Whoever breaks into what talks to the world finds neither the sealed files nor their key, and is nobody there.
  const inEdge = (...words: string[]): Promise<string> => vm.inside("docker", "exec", ...words);
  const held = await inEdge("dray-edge", "bash", "-c", "echo /var/lib/dray/* /var/lib/dray-keeper/*");
  expect(held).toContain("/var/lib/dray/state.json");
  expect(held).not.toContain("secrets");
  expect(await vm.inside("docker", "top", "dray-edge", "-o", "user,pid,args")).toMatch(/^99 +\d+ +haproxy/m);
  await expect(inEdge("-u", "99", "dray-edge", "bash", "-c", "cat /var/lib/dray/certs/*")).rejects.toThrow("denied");
  await expect(inEdge("dray-edge", "bash", "-c", "echo > /usr/bin/planted")).rejects.toThrow("Read-only");
  const labels = await vm.inside("sh", "-c", "docker inspect -f '{{json .Config.Labels}}' $(docker ps -aq)");
  // Neither the engine's own files: what a container gets is in memory, and sealed on the disk.
  const find = "find /var/lib/docker /etc /root /home -xdev -type f -exec grep -l planted- {} + 2>/dev/null || true";
  const disk = await vm.inside("sh", "-c", find);
  const memory = await vm.inside("stat", "-f", "-c", "%T", "/var/lib/docker/volumes/dray-secrets-decisions/_data");
  expect(memory).toBe("tmpfs");
  expect(disk).toBe("");
  for (const planted of PLANTED)
    expect([...said, argv, volume, labels].filter((text) => text.includes(planted))).toEqual([]);

  await vm.write(
    "dray.yaml",
    `service: a\nmachine: ${vm.host}\nimage: x\nsecrets: {A: {command: [sh, -c, "echo not signed in >&2; exit 7"]}}\n`,
  );
  expect(await dray("deploy")).toMatch(/\[manifest\.secret-missing\].*sh ended with 7: not signed in/);
});

test("a secret is rotated under load without a lost request, and is back after everything was started again", async () => {
  await using vm = await startVm();
  const manifest = (secrets: string, more: string = ""): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nenv: {POLITE: "1"}\nsecrets: ${secrets}\n${more}`,
    );
  await manifest("{TOKEN: {env: PLANTED}, FILED: {env: PLANTED, as: file}}");
  const deploy = async (): Promise<void> => {
    const ended = await vm.drayWith({ PLANTED: "planted-first" }, "deploy", "-y");
    expect(ended.code, ended.stderr).toBe(0);
  };
  await deploy();
  const seen = async (): Promise<string[]> =>
    (await vm.dray("exec", "--", "sh", "-c", "echo $TOKEN; cat $FILED_FILE; echo; echo [$FILED]")).stdout
      .trim()
      .split("\n");
  expect(await seen()).toEqual(["planted-first", "planted-first", "[]"]);
  expect((await vm.dray("secrets", "ls")).stdout).toMatch(/TOKEN +\$TOKEN[\s\S]*FILED +\/run\/secrets\/FILED/);

  const load = startLoad(`http://${vm.address}/`, 100);
  const set = await vm.drayFed("planted-second\n", "secrets", "set", "TOKEN");
  expect(set.code, set.stderr).toBe(0);
  expect(set.stdout + set.stderr).not.toContain("planted");
  expect(await load.stop()).toMatchObject({ failed: 0 });
  expect(await seen()).toEqual(["planted-second", "planted-first", "[]"]);
  // Nobody goes back to the value that was replaced: it does not lie there any more, not even sealed.
  await expect.poll(() => vm.inside("ls", "/var/lib/docker/volumes/dray-keeper/_data")).not.toContain(".last");
  // And the record has sshd's word for who did it, also in the keeper's copy.
  const [record, copy] = ["dray-edge", "dray-keeper"].map(
    (name) => `/var/lib/docker/volumes/${name}/_data/audit.jsonl`,
  );
  const last = await vm.inside("sh", "-c", `tail -n 1 ${record}`);
  expect(last).toMatch(/"login":\{"user":"ops","from":"[\d.]+"/);
  await expect.poll(() => vm.inside("sh", "-c", `tail -n 1 ${copy} | cut -c66-`)).toBe(last);
  expect((await vm.drayFed("x", "secrets", "set", "OTHER")).stderr).toContain("[secrets.unknown]");

  // What lives on the machine only stays there over a deploy, and over a boot.
  await manifest("{TOKEN: {machine: true}, FILED: {env: PLANTED, as: file}}");
  await deploy();
  expect((await seen())[0]).toBe("planted-second");
  await vm.inside(
    "sh",
    "-c",
    "docker kill $(docker ps -q) >/dev/null; docker start $(docker ps -aq --filter label=dray.role=replica | head -1) dray-edge dray-keeper >/dev/null",
  );
  await expect
    .poll(() => fetch(`http://${vm.address}/`).then(({ status }) => status, String), { timeout: 20_000 })
    .toBe(200);
  expect((await seen())[0]).toBe("planted-second");
  await manifest("{NEVER: {machine: true}}");
  expect((await vm.dray("deploy", "-y")).stderr).toContain(
    "[manifest.secret-missing] the secret NEVER is not on the machine",
  );
  expect((await seen())[0]).toBe("planted-second");
  expect((await vm.dray("remove", "-y")).code).toBe(0);
  expect(await vm.inside("docker", "volume", "ls", "-q")).toBe("");
});

test("an image of one static program and nothing else gets its secrets, byte for byte", async () => {
  await using vm = await startVm();
  const values: Record<string, string> = {
    PEM: "-----BEGIN KEY-----\nMIIB\n-----END KEY-----\n",
    JSON_FILE: '{"a": "b c"}\n\n',
    ODD: "a'b\"c$HOME`id`\\\t\n*",
    EMPTY: "",
    LONG: "x".repeat(64_000),
  };
  for (const [name, value] of Object.entries(values)) await vm.write(name, value);
  await vm.write(
    "dray.yaml",
    [
      "service: decisions",
      `machine: ${vm.host}`,
      `image: ${await makeStaticImage()}`,
      "init: false",
      "args: [httpd, -f, -p, '8080', -h, /]",
      `secrets: {${Object.keys(values)
        .map((name) => `${name}: {file: ${name}}`)
        .join(", ")}}`,
      "",
    ].join("\n"),
  );
  const ended = await vm.dray("deploy", "-y", "--open");
  expect(ended.code, ended.stderr).toBe(0);
  const { stdout } = await vm.dray("exec", "--", "/opt/dray/busybox", "cat", "/proc/1/environ");
  const environment = new Map(stdout.split("\0").map((each) => [each.slice(0, each.indexOf("=")), each]));
  for (const [name, value] of Object.entries(values)) expect(environment.get(name)).toBe(`${name}=${value}`);
  // The same for whoever looks into it.
  const looked = await vm.dray("exec", "--", "/opt/dray/busybox", "sh", "-c", `printf %s "$ODD"`);
  expect(looked.stdout).toBe(values["ODD"]);
});
