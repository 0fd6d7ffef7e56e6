import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const PLANTED = ["planted-env-7f3a", "planted-file-91bc", "planted-command-d20e"];

test("secrets from the environment, a file and a command reach the container, and nothing else", async () => {
  await using vm = await startVm();
  await vm.write("token", `${PLANTED[1]}\n`);
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
  const volume = await vm.inside("docker", "exec", "dray-edge", "bash", "-c", "cat /var/lib/dray/*");
  const labels = await vm.inside("sh", "-c", "docker inspect -f '{{json .Config.Labels}}' $(docker ps -aq)");
  for (const planted of PLANTED)
    expect([...said, argv, volume, labels].filter((text) => text.includes(planted))).toEqual([]);

  await vm.write(
    "dray.yaml",
    `service: a\nmachine: ${vm.host}\nimage: x\nsecrets: {A: {command: [sh, -c, "echo not signed in >&2; exit 7"]}}\n`,
  );
  expect(await dray("deploy")).toMatch(/\[manifest\.secret-missing\].*sh ended with 7: not signed in/);
});
