import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Entry } from "./kubeconfig.ts";
import { LoginKeeper } from "./login.ts";
import { Wire } from "./wire.ts";

let folder: string;
beforeAll(async () => (folder = await mkdtemp(path.join(tmpdir(), "dray-login-"))));
afterAll(async () => await rm(folder, { recursive: true }));

const { signal } = new AbortController();

/** A plugin that counts how often it is asked, and gives the number as the token. */
async function plugin(
  name: string,
  ends: string,
  server: string = "https://c.test",
): Promise<{ entry: Entry; asked: () => Promise<number> }> {
  const command = path.join(folder, name);
  const count = `${command}.count`;
  const status = `{\\"token\\": \\"token-$n\\", \\"expirationTimestamp\\": \\"${ends}\\"}`;
  await writeFile(
    command,
    `#!/bin/sh\nn=$(( $(cat ${count} 2>/dev/null || echo 0) + 1 )); echo $n > ${count}\necho "$KUBERNETES_EXEC_INFO" > ${command}.info\necho "{\\"status\\": ${status}}"\n`,
  );
  await chmod(command, 0o700);
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command, provideClusterInfo: true };
  const entry = { context: "x", server, namespace: "team", insecure: false, login: { exec } };
  return { entry, asked: async () => Number(await readFile(count, "utf8")) };
}

test("a plugin is asked once, also by several at once, until what it gave has ended", async () => {
  const { entry, asked } = await plugin("once", "2999-01-01T00:00:00Z");
  const keeper = new LoginKeeper(entry);
  await Promise.all([keeper.show(signal), keeper.show(signal)]);
  expect(await keeper.show(signal)).toEqual({ token: "token-1" });
  expect(await asked()).toBe(1);
  expect(JSON.parse(await readFile(path.join(folder, "once.info"), "utf8"))).toMatchObject({
    kind: "ExecCredential",
    spec: { interactive: false, cluster: { server: "https://c.test" } },
  });
});

test("what is about to end is renewed", async () => {
  const { entry, asked } = await plugin("ended", new Date().toISOString());
  const keeper = new LoginKeeper(entry);
  await keeper.show(signal);
  expect(await keeper.show(signal)).toEqual({ token: "token-2" });
  expect(await asked()).toBe(2);
});

test("a cluster that takes a token no more gets a new one, once", async () => {
  const seen: (string | undefined)[] = [];
  const server = http.createServer((request, answer) => {
    seen.push(request.headers.authorization);
    answer.writeHead(request.headers.authorization === "Bearer token-2" ? 200 : 401).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { entry } = await plugin(
    "revoked",
    "2999-01-01T00:00:00Z",
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  using wire = new Wire(entry);
  const answer = await wire.ask({ method: "GET", path: "/version", signal });
  answer.resume();
  expect(answer.statusCode).toBe(200);
  expect(seen).toEqual(["Bearer token-1", "Bearer token-2"]);
  server.closeAllConnections();
  server.close();
});

test.each([
  ["not installed", "/none/such/plugin", /could not be run$/],
  ["not signed in", "false", /ended with 1$/],
  ["printing something else", "true", /printed no credential$/],
])("a plugin that is %s is refused in a sentence", async (_what, command, words) => {
  const exec = { apiVersion: "client.authentication.k8s.io/v1", command };
  const keeper = new LoginKeeper({
    context: "x",
    server: "https://c",
    namespace: "n",
    insecure: false,
    login: { exec },
  });
  await expect(keeper.show(signal)).rejects.toMatchObject({
    code: "kubernetes.login",
    message: expect.stringMatching(words) as string,
  });
});

test("a proxy that dray does not speak is refused by name", async () => {
  using wire = new Wire({
    context: "x",
    server: "https://c",
    namespace: "n",
    insecure: false,
    proxy: "socks5://p:1080",
    login: {},
  });
  await expect(wire.ask({ method: "GET", path: "/", signal })).rejects.toMatchObject({
    code: "kubernetes.no-config",
    message: expect.stringContaining("socks5:") as string,
  });
});
