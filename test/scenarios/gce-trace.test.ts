import { expect, test } from "vitest";
import { brokenHop, type Trace } from "../../packages/dray/src/core/trace.ts";
import { startGoogle } from "../world/google/google.ts";
import { openLaptop } from "../world/google/laptop.ts";
import { appImage } from "../world/images.ts";

test("trace names what the cloud does to the way: stopped, gone, another address, no rule, no tag, a denial, others only", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const { compute } = google;
  const { external, ssh } = await laptop.json<{ external: string; ssh: string }>(
    "machine",
    "create",
    "jkowalski-vm",
    "-y",
  );
  const manifest = (at: string): Promise<void> =>
    laptop.write(
      "dray.yaml",
      `service: decisions\nmachine: ${at}\nimage: ${appImage("1")}\ntls: off\nready: /health\n`,
    );
  await manifest(ssh);
  const deployed = await laptop.dray("deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  // Nobody outside is asked whether there is a way out: this test's own registry answers for it.
  laptop.env["DRAY_CONTROL_HOST"] = compute.outside.gateway;
  const named = async (): Promise<[string | undefined, string | undefined]> => {
    const ended = await laptop.dray("trace", "--json");
    const hop = brokenHop(JSON.parse(ended.stdout) as Trace);
    return [hop?.fault, hop?.fix];
  };
  expect(await named()).toEqual([undefined, undefined]);

  const rule = compute.firewalls.get("drayage-web");
  const instance = compute.instances.get("jkowalski-vm");
  if (rule === undefined || instance === undefined) throw new Error("no rule or machine");
  await compute.meddle((rules) => void rules.delete("drayage-web"));
  expect(await named()).toEqual([
    "cloud-rule-missing",
    expect.stringContaining("firewall-rules create allow-80 --allow tcp:80"),
  ]);
  await compute.meddle((rules) => void rules.set("drayage-web", { ...rule, sourceRanges: ["198.51.100.0/24"] }));
  expect(await named()).toEqual([
    "cloud-rule-elsewhere",
    expect.stringContaining("update drayage-web --source-ranges 0.0.0.0/0"),
  ]);
  await compute.meddle((rules) => void rules.set("drayage-web", rule));
  const { tags } = instance;
  instance.tags = { items: [] };
  await compute.meddle(() => undefined);
  expect(await named()).toEqual([
    "cloud-tag-missing",
    expect.stringContaining("add-tags jkowalski-vm --tags drayage-web --zone us-central1-a"),
  ]);
  if (tags !== undefined) instance.tags = tags;
  await compute.meddle((rules) => {
    rules.set("deny-web", {
      name: "deny-web",
      priority: 900,
      sourceRanges: ["0.0.0.0/0"],
      denied: [{ IPProtocol: "tcp", ports: ["80"] }],
    });
  });
  expect(await named()).toEqual(["cloud-rule-denies", expect.stringContaining("update deny-web --priority")]);
  await compute.meddle((rules) => void rules.delete("deny-web"));
  expect(await named()).toEqual([undefined, undefined]);

  expect((await laptop.dray("machine", "stop", "jkowalski-vm")).code).toBe(0);
  expect(await named()).toEqual(["cloud-machine-stopped", "dray machine start jkowalski-vm"]);
  expect((await laptop.dray("machine", "start", "jkowalski-vm")).code).toBe(0);
  // What is asked is an address that it had once.
  const [user = ""] = ssh.split("@");
  const old = external.replace(/\d+$/, "250");
  await laptop.write(
    "dray.yaml",
    `service: decisions\nmachines: {jkowalski-vm: ${user}@${old}}\nimage: ${appImage("1")}\ntls: off\n`,
  );
  expect(await named()).toEqual(["cloud-address-changed", expect.stringContaining(`write ${external} into dray.yaml`)]);
  await manifest(ssh);
  await compute.vms.get("jkowalski-vm")?.[Symbol.asyncDispose]();
  compute.vms.delete("jkowalski-vm");
  compute.instances.delete("jkowalski-vm");
  expect(await named()).toEqual([
    "cloud-machine-gone",
    expect.stringContaining("dray machine create jkowalski-vm makes it again"),
  ]);
  expect(google.rejected).toEqual([]);
});
