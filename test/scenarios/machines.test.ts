import { expect, test } from "vitest";
import { appImage, SUITES } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** What an engine has that it did not come with, and the rules of the machine's firewall that are ours. */
const leftOn = async (vm: Vm): Promise<string> =>
  await vm.inside(
    "sh",
    "-c",
    `docker ps -aq; docker volume ls -q; docker images -aq; docker network ls -q --filter type=custom
     iptables -t raw -S PREROUTING | grep drayc || true`,
  );

for (const suite of SUITES) {
  test(`deploy, redeploy, rollback and machine clean on Debian ${suite}'s engine, for a user with sudo only`, async () => {
    await using vm = await startVm(suite, "sue", { fresh: true });
    const at = ["--machine", vm.host, "--service", "decisions"];
    for (const version of ["1", "2"]) {
      const ended = await vm.dray("deploy", appImage(version), ...at);
      expect(ended.code, ended.stderr).toBe(0);
    }
    expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "2" });
    const back = await vm.dray("rollback", ...at, "--wait");
    expect(back.code, back.stderr).toBe(0);
    expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "1" });
    const declined = await vm.dray("machine", "clean", vm.host);
    expect(declined.code, declined.stderr).toBe(2);
    expect(declined.stderr).toContain(`${vm.host}: remove the container dray-edge`);
    expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "1" });
    const clean = await vm.dray("machine", "clean", vm.host, "--yes");
    expect(clean.code, clean.stderr).toBe(0);
    expect(clean.stdout).toMatch(/volume +dray-keeper +there +gone/);
    expect(clean.stdout).toContain(`nothing of dray is left on ${vm.host}`);
    expect(await leftOn(vm)).toBe("");
  });
}

test("a user without any right is told what an administrator types; an ssh without multiplexing works", async () => {
  await using vm = await startVm("bookworm", "bob");
  const denied = await vm.dray("status", "--machine", vm.host, "--service", "decisions");
  expect(denied.stderr).toContain("[docker.permission]");
  expect(denied.code).toBe(5);
  await vm.inside("usermod", "-aG", "docker", "bob");
  const ended = await vm.drayWith(
    { DRAY_SSH_MULTIPLEX: "no" },
    "deploy",
    appImage("1"),
    "--machine",
    vm.host,
    "--service",
    "decisions",
    "--wait",
  );
  expect(ended.code, ended.stderr).toBe(0);
});

test("a host key that changed, a key that is refused, a host that is not there", async () => {
  await using vm = await startVm();
  const status = (...extra: string[]) => vm.dray("status", "--service", "decisions", "--machine", ...extra);
  const nobody = await status("nobody.invalid");
  expect(nobody.stderr).toContain("[ssh.unknown-host]");
  expect(nobody.code).toBe(4);
  await vm.inside(
    "bash",
    "-c",
    "rm /etc/ssh/ssh_host_*; ssh-keygen -A; kill $(cat /run/sshd.pid); sleep 0.3; /usr/sbin/sshd",
  );
  expect((await status(vm.host)).stderr).toContain("[ssh.host-key-changed]");
  await vm.write("known_hosts", "");
  expect((await status(vm.host)).stderr).toContain("[ssh.host-key-unknown]");
  await vm.inside("bash", "-c", "rm -r /home/ops/.ssh");
  expect((await status(vm.host, "--accept-new-host-key")).stderr).toContain("[ssh.key-denied]");
});
