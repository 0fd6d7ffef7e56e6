import { appendFile } from "node:fs/promises";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const CARRIED = /what it listens on.*8080/;

async function expectItWorks(vm: Vm): Promise<void> {
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\n`);
  const first = await vm.dray("deploy");
  expect(first.code, first.stderr).toBe(0);
  const trace = await vm.dray("trace");
  expect(trace.stdout + trace.stderr).toMatch(CARRIED);
  const told = await vm.dray("exec", "--", "sh", "-c", `echo "it's \\"\\$((1+1))\\"" 'a!b' '\\\\'`);
  expect(told.stdout).toBe(`it's "$((1+1))" a!b \\\n`);
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("2")}\n`);
  const second = await vm.dray("deploy");
  expect(second.code, second.stderr).toBe(0);
  expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "2" });
}

test("an ssh configuration made for a person at a terminal: its command, terminal and forwardings are not ours", async () => {
  await using vm = await startVm();
  const taken = createServer();
  await once(taken.listen(0, "127.0.0.1"), "listening");
  const { port } = taken.address() as AddressInfo;
  const lines = [
    "RemoteCommand exec bash -l",
    "RequestTTY force",
    // A port that is in use, and where that ends the connection.
    `LocalForward 127.0.0.1:${port} localhost:5432`,
    "RemoteForward 127.0.0.1:22 localhost:9000",
    "ExitOnForwardFailure yes",
    "PermitLocalCommand yes",
    "LocalCommand touch local-command-ran",
    "LogLevel QUIET",
  ];
  await appendFile(path.join(vm.folder, "ssh_config"), lines.map((line) => `  ${line}\n`).join(""));
  await expectItWorks(vm);
  const alone = await vm.drayWith({ DRAY_SSH_MULTIPLEX: "no" }, "status");
  expect(alone.code, alone.stderr).toBe(0);
  taken.close();
});

/** As picky as csh, fish and nushell together: outside of quotes plain words, inside of them nothing that one of these reads. */
const PICKY = `#!/bin/bash
[ "$1" = -c ] || exec bash "$@"
bare=$(printf %s "$2" | tr '\\n' '!' | sed "s/'[^']*'//g")
case "$bare" in *[^a-zA-Z0-9\\ /.:_-]*) echo "picky: syntax error: $bare" >&2; exit 1;; esac
case "$2" in *"!"* | *'\\\\'* | *"\\\\'"*) echo "picky: in quotes: $2" >&2; exit 1;; esac
exec bash -c "$2"
`;

test("a login shell that is no POSIX shell: each script goes through sh", async () => {
  await using vm = await startVm();
  const folder = Buffer.from(PICKY).toString("base64");
  await vm.inside("sh", "-c", `echo ${folder} | base64 -d > /picky; chmod 755 /picky; usermod -s /picky ops`);
  // It is as picky as it should be.
  await expect(vm.inside("su", "ops", "-c", "echo $((1+1)); true")).rejects.toThrow("picky");
  await expectItWorks(vm);
});
