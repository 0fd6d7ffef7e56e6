import { expect, test } from "vitest";
import { startGoogle } from "../world/google/google.ts";
import { openLaptop } from "../world/google/laptop.ts";

const create = ["machine", "create", "jkowalski-vm", "-y"] as const;

test("each refusal of Google's has its name and its fix, and nothing is left that costs", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const refused = async (name: string): Promise<string> => {
    const ended = await laptop.dray(...create);
    expect(ended.code, ended.stderr).not.toBe(0);
    expect(ended.stderr).toContain(`[${name}]`);
    expect(ended.stderr + ended.stdout).not.toContain(google.token);
    return ended.stderr;
  };
  const message = (text: string, reason: string): object => ({
    error: { code: 403, message: text, errors: [{ reason }] },
  });

  google.faults.push({
    when: /POST .*\/instances$/,
    answer: [403, message("Required 'compute.instances.create' permission for 'projects/x'", "forbidden")],
    times: 1,
  });
  expect(await refused("google.denied")).toContain("--role roles/compute.instanceAdmin.v1");
  expect([...google.compute.addresses.keys()]).toEqual([]);

  google.faults.push({
    when: /GET/,
    answer: [
      403,
      message(
        "Compute Engine API has not been used in project 1 before or it is disabled. https://console.developers.google.com/apis/api/compute.googleapis.com/overview",
        "accessNotConfigured",
      ),
    ],
    times: 1,
  });
  expect(await refused("google.api-disabled")).toContain(
    "gcloud services enable compute.googleapis.com --project drayage-test",
  );

  // An operation that Google took on, and that fails half way.
  google.compute.nextError = {
    code: "QUOTA_EXCEEDED",
    message: "Quota 'IN_USE_ADDRESSES' exceeded.  Limit: 8.0 in region us-central1.",
  };
  expect(await refused("google.quota")).toContain("IN_USE_ADDRESSES");
  expect([...google.compute.addresses.keys()]).toEqual([]);

  google.token = "another";
  expect(await refused("google.unauthorized")).toContain("gcloud auth login");
  google.token = laptop.env["GOOGLE_OAUTH_ACCESS_TOKEN"] ?? "";

  google.compute.addresses.set("jkowalski-vm", {
    name: "jkowalski-vm",
    scope: "regions/us-central1",
    status: "RESERVED",
    address: "203.0.113.7",
  });
  expect(await refused("google.taken")).toContain("dray did not make it");
  expect(google.compute.addresses.size).toBe(1);
  google.compute.addresses.clear();

  const type = await laptop.dray(...create, "--type", "e9-huge");
  expect(type.stderr).toContain("there is no machine type e9-huge in us-central1-a");
  expect(google.compute.addresses.size).toBe(0);
  const zone = await laptop.dray(...create, "--zone", "us-central1-q");
  expect(zone.stderr).toContain("there is no zone us-central1-q");
  expect((await laptop.dray(...create, "--zone", "mars-a")).stderr).toContain("there is no zone mars-a");
  expect(google.compute.addresses.size).toBe(0);
  expect((await laptop.dray("machine", "rm", "nobody", "-y")).stderr).toContain("dray has made no machine nobody");
  const asked = await laptop.dray("machine", "create", "jkowalski-vm");
  expect(asked.stderr).toMatch(/It costs about \$\d+/);
  expect(asked.code).not.toBe(0);
  expect(google.rejected).toEqual([]);
});

test("a startup script that failed is told with the machine's own words; the machine stays to be looked at", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  google.compute.noDocker = true;
  const failed = await laptop.dray(...create);
  expect(failed.stderr).toContain(
    "[machine.setup-failed] jkowalski-vm runs, but its startup script failed: apt-get could not install docker.io",
  );
  expect(failed.stderr).toContain("dray: apt-get could not install docker.io");
  expect(failed.stderr).toContain("dray machine rm jkowalski-vm");
  expect(google.compute.instances.size).toBe(1);
  // It can be looked at: its host keys are known, and trace says why there is no Docker.
  const address = String(google.compute.addresses.get("jkowalski-vm")?.["address"]);
  await laptop.write("dray.yaml", `service: decisions\nmachine: dray@${address}\nimage: x\n`);
  laptop.env["DRAY_CONTROL_HOST"] = google.compute.outside.gateway;
  const traced = await laptop.dray("trace");
  expect(traced.stdout).toContain("the startup script of jkowalski-vm failed: apt-get could not install docker.io");
  expect((await laptop.dray("machine", "rm", "jkowalski-vm", "-y")).code).toBe(0);
  expect([google.compute.instances.size, google.compute.addresses.size]).toEqual([0, 0]);
});

test("Ctrl-C takes back what was begun, also what Google was still at", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const running = laptop.drayRunning(...create);
  await expect.poll(() => google.seen.some((name) => /POST .*\/instances$/.test(name)), { interval: 20 }).toBe(true);
  running.kill("SIGINT");
  expect((await running.ended).code).toBe(130);
  expect([google.compute.instances.size, google.compute.addresses.size]).toEqual([0, 0]);
});

test("killed after any request it goes on where it was, or is taken away whole", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const changes = [/POST .*\/addresses$/, /POST .*\/instances$/, /getGuestAttributes$/];
  for (const when of changes) {
    const running = laptop.drayRunning(...create);
    await expect.poll(() => google.seen.some((name) => when.test(name)), { interval: 20, timeout: 60_000 }).toBe(true);
    running.kill("SIGKILL");
    await running.ended;
    google.seen.length = 0;
    if (when.source.includes("addresses")) {
      const gone = await laptop.dray("machine", "rm", "jkowalski-vm", "-y");
      expect(gone.code, gone.stderr).toBe(0);
      expect(google.compute.addresses.size).toBe(0);
    }
  }
  const done = await laptop.dray(...create);
  expect(done.code, done.stderr).toBe(0);
  expect([google.compute.instances.size, google.compute.addresses.size]).toEqual([1, 1]);
  expect((await laptop.dray("machine", "rm", "jkowalski-vm", "-y")).code).toBe(0);
  expect([google.compute.instances.size, google.compute.addresses.size, google.compute.firewalls.size]).toEqual([
    0, 0, 1,
  ]);
});
