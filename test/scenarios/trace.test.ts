import { afterAll, beforeAll, expect, test } from "vitest";
import { meet, RIG_FAULTS, say } from "../world/faults.ts";
import { startLoad } from "../world/load.ts";
import { HAND_PORT, NAME, type Rig, startRig } from "../world/rig.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

test("a way that is whole is called so under load, next door and over a round trip of 50 ms", async () => {
  const load = startLoad(`http://${rig.vm.address}/`, 50, { host: NAME });
  for (const rttMs of [0, 50]) {
    if (rttMs > 0) await rig.delay(rttMs);
    for (const file of ["ops.yaml", "root.yaml"]) {
      const { fault, reached, trace } = await say(rig, ["--file", file]);
      expect({ fault, reached }, JSON.stringify(trace)).toEqual({ reached: true });
    }
  }
  await rig.near();
  expect((await load.stop()).problems).toEqual([]);
});

test(
  "without sudo it does not know, and does not guess; for people it draws the way",
  { timeout: 300_000 },
  async () => {
    for (const name of [
      "cloud-firewall",
      "docker-user-drop",
      "firewall-refuses",
      "host-firewall",
      "app-on-localhost",
    ]) {
      const fault = RIG_FAULTS.find((each) => each.fault === name);
      if (fault === undefined) throw new Error(`the rig has no ${name}`);
      const said = await meet(rig, fault, "ops");
      expect([undefined, name], JSON.stringify(said.trace)).toContain(said.fault);
      if (said.fault === undefined)
        expect(said.trace.hops.some((hop) => hop.verdict === "unknown" && hop.missing !== undefined)).toBe(true);
    }

    await rig.on("vm", `docker run -d --name my-api -p ${HAND_PORT}:8080 -e MODE=localhost ${rig.image}; sleep 1`);
    const argv = [
      "trace",
      "--machine",
      `${rig.vm.host}-sue`,
      "--container",
      "my-api",
      "--url",
      `http://${rig.vm.address}:${HAND_PORT}/decisions`,
    ];
    const drawn = await rig.dray([...argv, "--explain"]);
    expect(drawn.code).toBe(1);
    expect(drawn.stdout).toMatch(/this computer .* ─✗─ my-api:8080/);
    expect(drawn.stdout).toContain("the API listens on 127.0.0.1:8080 inside its container");
    expect(drawn.stdout).toContain("fix: have it listen on 0.0.0.0");
    expect(drawn.stdout).toContain("EXPOSE in a Dockerfile opens nothing");
    await rig.on("vm", "docker rm -f my-api");

    // With ufw on, a published port is open all the same, and that is said.
    await rig.on(
      "vm",
      `mkdir -p /etc/ufw; echo ENABLED=yes > /etc/ufw/ufw.conf; docker run -d --name my-api -p ${HAND_PORT}:8080 ${rig.image}; sleep 1`,
    );
    const open = await rig.dray([...argv, "--data", "{}"]);
    expect(open.code, open.stdout).toBe(0);
    expect(open.stdout).toContain(`ufw does not guard port ${HAND_PORT}`);

    const outside = await rig.dray(["trace", "--url", `http://${NAME}/decisions`, "--data", "{}"]);
    expect(outside.code, outside.stdout).toBe(0);
    // A deploy that cannot get there ends with the walk, not with ssh's timeout.
    await rig.on("router", `iptables -I FORWARD -d ${rig.vm.address} -j DROP`);
    const silent = await rig.dray(["deploy", "--file", "ops.yaml"]);
    expect(silent.code).toBe(4);
    expect(silent.stderr).toContain("answers neither on port 80 nor to ssh");
    expect(silent.stderr).toContain("─✗─");
    const nonsense = await rig.dray(["trace", "--url", "nonsense", "--machine", rig.vm.host]);
    expect(nonsense.stderr).toContain("[usage.invalid]");
    expect(nonsense.code).toBe(2);
  },
);
