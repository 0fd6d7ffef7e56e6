import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { order } from "./certificates/acme.ts";
import { Haproxy } from "./haproxy.ts";

/** Takes connections, and what it is given, and says nothing. */
function mute(): Server {
  const open = new Set<Socket>();
  const server = createServer((socket) => void open.add(socket.on("error", () => undefined).resume()));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return server;
}

async function folder(): Promise<string> {
  const home = await mkdtemp(path.join(tmpdir(), "dray-waits-"));
  onTestFinished(async () => await rm(home, { recursive: true }));
  return home;
}

test("a HAProxy that takes a command and does not answer is not waited for; one that is not there neither", async () => {
  const socket = path.join(await folder(), "admin.sock");
  await expect(new Haproxy(socket).ask("show info")).rejects.toThrow("the edge does not run");
  await once(mute().listen(socket), "listening");
  await expect(new Haproxy(socket, 200).ask("show info")).rejects.toThrow("the edge does not answer");
});

test("a CA that takes a connection and says nothing keeps nobody else waiting", async () => {
  const server = mute();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const directory = `http://127.0.0.1:${(server.address() as AddressInfo).port}/directory`;
  const place = { home: await folder(), challenges: new Map<string, string>(), withinMs: 300 };
  await expect(order("a.example", { directory }, place)).rejects.toThrow(/the CA gave none within 0 s/);
});
