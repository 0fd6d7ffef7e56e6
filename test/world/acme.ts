import { X509Certificate } from "node:crypto";
import https from "node:https";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import tls from "node:tls";
import type { IncomingMessage } from "node:http";
import { once } from "node:events";
import { addressOf, ACME_IMAGE, must } from "./images.ts";
import type { Vm } from "./vm.ts";

/** An ACME server of a VM's own network, and the name server that both ask: every name leads to the VM. */
export interface Acme extends AsyncDisposable {
  directory: string;
  /** Files in the VM's folder: the CA of the directory itself, and the root of what it issues. */
  ca: string;
  root: string;
  rootPem: string;
  /** Makes every name lead elsewhere; "" for nowhere. */
  lead(address: string): Promise<void>;
}

/** Starts pebble beside a VM. `validityS`: life of the certificates for names. */
export async function startAcme(vm: Vm, validityS: number = 7_776_000): Promise<Acme> {
  const name = `${vm.host}-acme`;
  const env = ["-e", `LEADS_TO=${vm.address}`, "-e", `VALIDITY_S=${validityS}`];
  await must(["docker", "run", "-d", "--name", name, "--network", vm.host, ...env, ACME_IMAGE]);
  const inside = (...argv: string[]): Promise<string> => must(["docker", "exec", name, ...argv]);
  const address = await addressOf(name);
  const [ca, root] = ["acme-ca.pem", "acme-root.pem"].map((file) => path.join(vm.folder, file)) as [string, string];
  const rootPem = await patiently(async () => {
    await writeFile(ca, await inside("cat", "/ca.pem"));
    return await get(`https://${address}:15000/roots/0`);
  });
  await writeFile(root, rootPem);
  await vm.inside("sh", "-c", `echo nameserver ${address} > /etc/resolv.conf`);
  return {
    directory: `https://${address}:14000/dir`,
    ca,
    root,
    rootPem,
    lead: async (to) => {
      await fetch(`http://${address}:8055/set-default-ipv4`, { method: "POST", body: JSON.stringify({ ip: to }) });
    },
    [Symbol.asyncDispose]: async () => {
      await must(["docker", "rm", "-f", "-v", name]);
    },
  };
}

async function get(url: string): Promise<string> {
  const request = https.get(url, { rejectUnauthorized: false });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return await text(answer);
}

async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt > 60) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** One GET over HTTPS to an address, by a name, believing only `ca`. @throws when the certificate is not good */
export async function secureGet(
  address: string,
  host: string,
  ca: string,
  where: string = "/",
): Promise<{ status: number; headers: IncomingMessage["headers"]; body: string }> {
  const servername = /^[\d.]+$/.test(host) ? {} : { servername: host };
  const request = https.get({
    host: address,
    path: where,
    ca,
    agent: false,
    headers: { host },
    ...servername,
    checkServerIdentity: (_name, peer) => tls.checkServerIdentity(host, peer),
  });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await text(answer) };
}

/** Serial number of the certificate that is in force for a name. */
export async function serialOf(address: string, servername: string): Promise<string> {
  const socket = tls.connect({ host: address, port: 443, servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw).serialNumber;
}
