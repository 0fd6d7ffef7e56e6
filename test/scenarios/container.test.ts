import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const SERVER = `
import http.server, os, signal, sys
def end(number, frame):
    open("/data/ended", "a").write(signal.Signals(number).name)
    sys.exit(0)
for each in (signal.SIGTERM, signal.SIGQUIT): signal.signal(each, end)
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
`;

test("a container is run as the manifest says: program, user, hosts, shared memory, files that outlive releases, and how it ends", async () => {
  await using vm = await startVm();
  const manifest = (more: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      [
        "service: decisions",
        `machine: ${vm.host}`,
        `image: ${appImage("1")}`,
        "keys: off",
        "port: 9000",
        `command: [python3, -c, ${JSON.stringify(SERVER)}]`,
        "user: 1234",
        "hosts: {db.internal: 10.1.2.3}",
        "limits: {shm: 96MiB, nofile: 3000}",
        "stopSignal: SIGQUIT",
        "volumes: {data: {at: /data, write: true}, models: {at: /models, from: /srv/models}}",
        more,
        "",
      ].join("\n"),
    );
  await manifest("");
  const refused = await vm.dray("deploy", "-y");
  expect(refused.stderr).toContain("[machine.no-folder]");
  await vm.inside("sh", "-c", "mkdir -p /srv/models && echo weights > /srv/models/w");
  // A volume belongs to root until somebody gives it away; the user of the container is another.
  await vm.inside(
    "sh",
    "-c",
    "docker volume create dray-data-decisions-data && chmod 777 /var/lib/docker/volumes/dray-data-decisions-data/_data",
  );
  const first = await vm.dray("deploy", "-y");
  expect(first.code, first.stderr).toBe(0);
  const look =
    "id -u; cat /models/w; touch /models/x || echo read-only; ulimit -n; getent hosts db.internal; df -m /dev/shm | tail -1; echo kept > /data/file";
  const inside = async (script: string): Promise<string> => (await vm.dray("exec", "--", "sh", "-c", script)).stdout;
  const said = await inside(look);
  expect(said).toMatch(/^1234\nweights\nread-only\n3000\n10\.1\.2\.3 +db\.internal\n\S+ +96 /);
  await manifest("env: {RELEASE: two}");
  const planned = await vm.dray("plan");
  expect(planned.stdout).toContain("may write to the volume data at the same time");
  const second = await vm.dray("deploy", "-y", "--wait");
  expect(second.code, second.stderr).toBe(0);
  expect(await inside("cat /data/file /data/ended")).toBe("kept\nSIGQUIT");
});

test("what stands behind -- becomes the arguments; a usage text and an unknown runtime are explained", async () => {
  await using vm = await startVm();
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nkeys: off\ncommand: [python3, -m, http.server]\nport: 8123\n`,
  );
  const ended = await vm.dray("deploy", "-y", "--", "--directory", "/tmp", "8123");
  expect(ended.code, ended.stderr).toBe(0);
  const usage = await vm.dray("deploy", "-y", "--", "--nope");
  expect(usage.stderr).toContain("give them in the manifest: args:");
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nkeys: off\nruntime: runsc\n`,
  );
  expect((await vm.dray("deploy", "-y")).stderr).toContain("[machine.no-runtime]");
});
