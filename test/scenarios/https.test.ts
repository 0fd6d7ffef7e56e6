import http from "node:http";
import http2 from "node:http2";
import { readFile } from "node:fs/promises";
import path from "node:path";
import tls from "node:tls";
import { once } from "node:events";
import { expect, test } from "vitest";
import { type Acme, secureGet, serialOf, startAcme } from "../world/acme.ts";
import { selfSigned } from "../world/certificate.ts";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

const HOST = "api.example.net";

async function deploy(vm: Vm, acme: Acme, lines: string, service: string = "decisions"): Promise<string> {
  const trust = `tls: {acme: "${acme.directory}", ca: acme-ca.pem, email: me@example.net}\n`;
  await vm.write(
    "dray.yaml",
    `service: ${service}\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\n${lines}${lines.includes("tls:") ? "" : trust}`,
  );
  const ended = await vm.drayWith({ NODE_EXTRA_CA_CERTS: acme.root }, "deploy", "-y");
  expect(ended.code, ended.stderr).toBe(0);
  return ended.stdout + ended.stderr;
}

test("a name gets its certificate before the first request, renewed while requests run, and kept by restarts", async () => {
  await using vm = await startVm();
  await using acme = await startAcme(vm, 24);
  const said = await deploy(vm, acme, `domain: ${HOST}\n`);
  expect(said).toMatch(/a certificate for api\.example\.net \(.*of /);
  expect(said).toContain(`serves at https://${HOST}`);
  const first = await secureGet(vm.address, HOST, acme.rootPem);
  expect(first.status).toBe(200);
  expect(first.headers["strict-transport-security"]).toBe("max-age=31536000");
  const request = http.get({ host: vm.address, path: "/docs?x=1", headers: { host: HOST } });
  const [plain] = (await once(request, "response")) as [http.IncomingMessage];
  expect([plain.resume().statusCode, plain.headers.location]).toEqual([308, `https://${HOST}/docs?x=1`]);
  await expectModernTls(vm.address);

  // Certificates of 24 s are renewed after 16.
  const serial = await serialOf(vm.address, HOST);
  const renewed = await load(vm, acme, async () => (await serialOf(vm.address, HOST)) !== serial);
  expect(renewed).toMatchObject({ failed: 0 });
  expect(renewed.sent).toBeGreaterThan(100);

  await vm.inside("docker", "restart", "-t", "1", "dray-keeper");
  expect((await secureGet(vm.address, HOST, acme.rootPem)).status).toBe(200);
  await vm.inside("docker", "restart", "-t", "1", "dray-edge");
  await expect.poll(() => secureGet(vm.address, HOST, acme.rootPem).then(({ status }) => status, String)).toBe(200);
  // The keeper finds the edge that was started again, and goes on renewing.
  const next = await serialOf(vm.address, HOST);
  await expect.poll(() => serialOf(vm.address, HOST), { timeout: 40_000, interval: 500 }).not.toBe(next);
  expect((await secureGet(vm.address, HOST, acme.rootPem)).status).toBe(200);
});

test("a bare address gets one, too; what stands in the way is named in the deploy, and mended without another", async () => {
  await using vm = await startVm();
  await using acme = await startAcme(vm);
  expect(await deploy(vm, acme, "")).toContain(`serves at https://${vm.address}`);
  const answer = await secureGet(vm.address, vm.address, acme.rootPem);
  expect(answer.status).toBe(200);
  expect(answer.headers["strict-transport-security"]).toBeUndefined();

  const blocked = await deploy(vm, acme, "domain: blocked.example.net\n", "blocked");
  expect(blocked).toMatch(/warning: certificate: blocked\.example\.net has no certificate: .*policy/i);
  expect(blocked).toContain("is blocked.example.net a public name?");
  expect(blocked).toContain("serves at http://blocked.example.net");

  await acme.lead("");
  const lost = await deploy(vm, acme, "domain: lost.example.net\n", "lost");
  expect(lost).toContain(`make an A record: lost.example.net -> ${vm.address}`);
  await acme.lead(vm.address);
  await expect
    .poll(() => secureGet(vm.address, "lost.example.net", acme.rootPem).then(({ status }) => status, String), {
      timeout: 60_000,
      interval: 500,
    })
    .toBe(200);
  await expect
    .poll(async () => (await vm.dray("status", "--json")).stdout, { timeout: 10_000, interval: 500 })
    .toMatch(/"lost\.example\.net":\s*\{\s*"state":\s*"valid"/);
});

test("one's own certificate is used as it is; a wrong one is refused before anything is done", async () => {
  await using vm = await startVm();
  await using acme = await startAcme(vm);
  const [cert, key] = ["own.pem", "own.key"].map((name) => path.join(vm.folder, name)) as [string, string];
  await selfSigned(cert, key, `DNS:${HOST}`);
  await vm.write("other.key", await must(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"]));
  const own = (file: string): string => `domain: ${HOST}\ntls: {certificate: own.pem, key: {file: ${file}}}\n`;
  await vm.write("dray.yaml", `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\n${own("other.key")}`);
  const refused = await vm.dray("deploy", "-y");
  expect(refused.stderr).toContain("[tls.bad-certificate] the key is not the one of own.pem");
  await deploy(vm, acme, own("own.key"));
  expect((await secureGet(vm.address, HOST, await readFile(cert, "utf8"))).status).toBe(200);
});

/** TLS 1.2 and HTTP/2 are spoken, TLS 1.1 is not. */
async function expectModernTls(address: string): Promise<void> {
  const session = http2.connect(`https://${address}`, { servername: HOST, rejectUnauthorized: false });
  await once(session, "connect");
  expect(session.alpnProtocol).toBe("h2");
  session.close();
  const old = tls.connect({
    host: address,
    port: 443,
    servername: HOST,
    rejectUnauthorized: false,
    maxVersion: "TLSv1.1",
    minVersion: "TLSv1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  const [error] = (await once(old, "error")) as [Error];
  expect(error.message).toMatch(/protocol|alert/);
}

/** Requests over HTTPS, one after the other, until `done` and 100 more. */
async function load(vm: Vm, acme: Acme, done: () => Promise<boolean>): Promise<{ sent: number; failed: number }> {
  const count = { sent: 0, failed: 0 };
  const until = performance.now() + 60_000;
  let last = Number.POSITIVE_INFINITY;
  while (count.sent < last) {
    if (performance.now() > until) throw new Error(`not renewed, or too slow: ${count.sent} requests in a minute`);
    count.sent++;
    const status = await secureGet(vm.address, HOST, acme.rootPem).then((answer) => answer.status, String);
    if (status !== 200) count.failed++;
    if (last === Number.POSITIVE_INFINITY && count.sent % 20 === 0 && (await done())) last = count.sent + 100;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return count;
}
