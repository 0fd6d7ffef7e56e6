import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** What an earlier dray wrote: one socket for both families. */
async function asEarlier(vm: Vm): Promise<void> {
  const config = "/var/lib/docker/volumes/dray-edge/_data/haproxy.cfg";
  const edits = ["/bind 0.0.0.0:80/d", "s/bind :::80 v6only/bind :::80 v4v6/"];
  await vm.inside("sed", "-i", ...edits.flatMap((edit) => ["-e", edit]), config);
  const reload = "exec 6<>/dev/tcp/127.0.0.1/9998 && printf 'reload\\n' >&6 && cat <&6";
  expect(await vm.inside("docker", "exec", "dray-edge", "bash", "-c", reload)).toContain("Success=1");
}

async function told(vm: Vm): Promise<Record<string, string>> {
  const answer = await fetch(`http://${vm.address}/echo`, {
    method: "POST",
    body: "{}",
  });
  return ((await answer.json()) as { headers: Record<string, string> }).headers;
}

test("an edge that an earlier dray configured takes the new rules with the next deploy, and loses no request", async () => {
  await using vm = await startVm();
  const at = ["--machine", vm.host, "--service", "decisions"];
  const first = await vm.dray("deploy", appImage("1"), ...at);
  expect(first.code, first.stderr).toBe(0);
  await asEarlier(vm);
  expect((await told(vm))["x-forwarded-for"]).toMatch(/^::ffff:/);

  const load = startLoad(`http://${vm.address}/`, 200);
  const second = await vm.dray("deploy", appImage("2"), ...at);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).toContain("edge reloaded");
  // A connection from before asks the HAProxy from before once more.
  const client = async (): Promise<string | undefined> => (await told(vm))["x-forwarded-for"];
  await expect.poll(client).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  // From now on it is this one's.
  const back = await vm.dray("rollback", ...at);
  expect(back.code, back.stderr).toBe(0);
  expect(back.stderr).toContain("no reload");
  const met = await load.stop();
  expect(met.problems).toEqual([]);
  expect(met.failed).toBe(0);
  expect(met.releases.size).toBe(2);
});
