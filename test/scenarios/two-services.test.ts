import http from "node:http";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

async function versionOf(address: string, host: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const request = http.get({ host: address, path: "/", headers: { host } }, (answer) => {
      let body = "";
      answer.on("data", (chunk) => (body += String(chunk)));
      answer.once("end", () => resolve((JSON.parse(body) as { version: string }).version));
    });
    request.once("error", reject);
  });
}

test("two services of one machine, deployed at once again and again, never overwrite each other", async () => {
  await using vm = await startVm();
  const names = ["loans", "cards"];
  const manifest = async (name: string, tag: string): Promise<void> =>
    await vm.write(
      `${name}.yaml`,
      `service: ${name}\nmachine: ${vm.host}\nimage: ${appImage(tag)}\ndomain: ${name}.example\ntls: off\nready: /\n`,
    );
  for (const [round, tag] of ["1", "2", "1", "2"].entries()) {
    await Promise.all(names.map((name) => manifest(name, tag)));
    const ended = await Promise.all(names.map((name) => vm.dray("deploy", "--file", `${name}.yaml`)));
    for (const each of ended) expect(each.code, each.stderr).toBe(0);
    // A reload would mean that one found the other's configuration beside its own state.
    if (round > 0) for (const each of ended) expect(each.stderr).toContain("no reload");
    for (const name of names) expect(await versionOf(vm.address, `${name}.example`)).toBe(tag);
  }
  const status = await vm.dray("status", "--all", "--json", "--file", "loans.yaml");
  const [machine] = JSON.parse(status.stdout) as { services: { service: string; releases: object[] }[] }[];
  expect(machine?.services.map((each) => [each.service, each.releases.length]).toSorted()).toEqual([
    ["cards", 4],
    ["loans", 4],
  ]);
  const clash = await vm.dray("deploy", appImage("1"), "--machine", vm.host, "--service", "first");
  expect(clash.code, clash.stderr).toBe(0);
  const second = await vm.dray("deploy", appImage("1"), "--machine", vm.host, "--service", "second");
  expect(second.stderr).toContain("[service.route-taken]");
});

test("services share a name by their paths; each sees its own, and a key opens no other", async () => {
  await using vm = await startVm();
  const deploy = async (name: string, more: string): Promise<string> => {
    await vm.write(
      "golden.json",
      JSON.stringify([{ request: { path: "/decisions", body: {} }, expect: { status: 200 } }]),
    );
    await vm.write(
      `${name}.yaml`,
      `service: ${name}\nmachine: ${vm.host}\nimage: ${appImage("1")}\ntls: off\nready: /health\n${more}`,
    );
    const ended = await vm.drayWith({ KEY: "a-key-of-a-good-length-1" }, "deploy", "--file", `${name}.yaml`, "-y");
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  expect(await deploy("loans", "prefix: /loans\n")).toContain(`serves at http://${vm.address}/loans`);
  await deploy("eu", "prefix: /loans/eu\nkeys: {me: {env: KEY}}\n");
  await deploy("all", "");
  const ask = async (
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; release: string | null; told: Record<string, string> }> => {
    const answer = await fetch(`http://${vm.address}${path}`, { method: "POST", body: "{}", headers });
    const body = await answer.text();
    const told =
      path.endsWith("/echo") && answer.ok ? (JSON.parse(body) as { headers: Record<string, string> }).headers : {};
    return { status: answer.status, release: answer.headers.get("x-dray-release"), told };
  };
  const releases = await Promise.all(
    ["/loans/decisions", "/loansharks/decisions", "/decisions"].map((path) => ask(path)),
  );
  expect(releases.map(({ status }) => status)).toEqual([200, 200, 200]);
  // Another word that begins so is not below it.
  expect(releases[0]?.release).not.toBe(releases[1]?.release);
  expect(releases[1]?.release).toBe(releases[2]?.release);
  const forged = { "x-forwarded-for": "203.0.113.9", x_forwarded_for: "203.0.113.9", "x-forwarded-proto": "https" };
  const { told } = await ask("/loans/echo", forged);
  expect(told).toMatchObject({ "x-forwarded-prefix": "/loans", "x-forwarded-proto": "http" });
  // An IPv4 client is called by its own address, and only the edge says where a request comes from.
  expect(told["x-forwarded-for"]).toMatch(/^[\d.]+$/);
  expect(JSON.stringify(told)).not.toContain("203.0.113.9");
  expect((await ask("/loans/eu/decisions")).status).toBe(401);
  const bearer = { authorization: "Bearer a-key-of-a-good-length-1" };
  expect((await ask("/loans/eu/decisions", bearer)).status).toBe(200);
  // What is open is so by the service's own paths, and a trick opens nothing.
  expect((await fetch(`http://${vm.address}/loans/eu/docs`)).status).toBe(200);
  expect((await ask("/loans/eu//decisions")).status).toBe(401);
  expect((await vm.dray("request", "--file", "loans.yaml")).code).toBe(0);
  const traced = await vm.dray("trace", "--file", "loans.yaml");
  expect(traced.code, traced.stdout).toBe(0);
  await vm.write("other.yaml", `service: other\nmachine: ${vm.host}\nimage: ${appImage("1")}\nprefix: /loans\n`);
  expect((await vm.dray("deploy", "--file", "other.yaml", "-y")).stderr).toContain("[service.route-taken]");
  // HAProxy has nothing to say of its configuration.
  const said = await vm.inside("sh", "-c", "docker logs dray-edge 2>&1");
  expect(said).toContain("Loading success");
  expect(said).not.toMatch(/\[(WARNING|ALERT)\].*config/);
});
