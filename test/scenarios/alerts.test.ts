import http from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { appImage, must } from "../world/images.ts";
import { startVm, type Vm } from "../world/vm.ts";

/** A caller's key. */
const KEY = "alerts-caller-0123456789abcdef";

interface Alert {
  event: string;
  state: string;
  message: string;
}

/** Where the VM's containers reach this computer: the gateway of its network. */
async function gateway(vm: Vm): Promise<string> {
  return await must(["docker", "network", "inspect", vm.host, "-f", "{{(index .IPAM.Config 0).Gateway}}"]);
}

/** Takes webhooks, and mail over SMTP. */
async function startEars(
  host: string,
): Promise<AsyncDisposable & { hook: string; smtp: number; alerts: Alert[]; mails: string[] }> {
  const alerts: Alert[] = [];
  const mails: string[] = [];
  const web = http.createServer((request, answer) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.once("end", () => {
      alerts.push(JSON.parse(body) as Alert);
      answer.end();
    });
  });
  // RFC 5321, as much of it as one mail needs.
  const post = createServer((socket) => {
    let data = false;
    let mail = "";
    socket.write("220 test\r\n");
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      const text = String(chunk);
      if (data) {
        mail += text;
        if (!mail.endsWith("\r\n.\r\n")) return;
        mails.push(mail);
        data = false;
        socket.write("250 taken\r\n");
      } else if (text.startsWith("EHLO")) socket.write("250 test\r\n");
      else if (text.startsWith("DATA")) {
        data = true;
        socket.write("354 go on\r\n");
      } else if (text.startsWith("QUIT")) socket.end("221 bye\r\n");
      else socket.write("250 fine\r\n");
    });
  });
  for (const server of [web, post]) await once(server.listen(0, host), "listening");
  const port = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
  return {
    hook: `http://${host}:${port(web)}/planted-hook-4711`,
    smtp: port(post),
    alerts,
    mails,
    [Symbol.asyncDispose]: async () => {
      web.closeAllConnections();
      await Promise.all([web, post].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

test("the machine itself tells of a silent release and of failures, of guessed keys, by webhook and mail, and when it is over", async () => {
  await using vm = await startVm();
  await using ears = await startEars(await gateway(vm));
  const manifest = (more: string): Promise<void> =>
    vm.write(
      "dray.yaml",
      `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /\nenv: {POLITE: "1"}\n${more}`,
    );
  const email = `{to: me@example.net, from: dray@example.net, host: "${ears.hook.split(/[/:]+/)[1]}", port: ${ears.smtp}}`;
  await manifest(`keys: {me: {env: KEY}}\nalerts: {webhook: {env: HOOK}, email: ${email}, errors: 10%}\n`);
  expect((await vm.dray("alerts", "test")).stderr).toContain("[service.unknown]");
  const deployed = await vm.drayWith({ HOOK: ears.hook, KEY }, "deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  const proved = await vm.dray("alerts", "test");
  expect(proved.code, proved.stderr).toBe(0);
  expect(ears.alerts).toMatchObject([{ event: "test", state: "test" }]);
  expect(ears.mails[0]).toContain("this is a test of the alerts");
  // The webhook's address is a secret, and lies nowhere in clear.
  const find = "find /var/lib/docker -xdev -type f -exec grep -l planted-hook {} + 2>/dev/null || true";
  expect(await vm.inside("sh", "-c", find)).toBe("");

  const mode = (name: string): Promise<string> =>
    vm.inside(
      "sh",
      "-c",
      `docker exec $(docker ps -q --filter label=dray.role=replica) sh -c 'echo ${name} > /tmp/mode'`,
    );
  await mode("unready");
  const call = async (headers: Record<string, string>): Promise<void> => {
    await (await fetch(`http://${vm.address}/decisions`, { method: "POST", body: "{}", headers })).text();
  };
  for (let count = 0; count < 30; count++) await call({ authorization: `Bearer ${KEY}` });
  for (let count = 0; count < 80; count++) await call({});
  const heard = (event: string, state: string): boolean =>
    ears.alerts.some((alert) => alert.event === event && alert.state === state);
  await expect
    .poll(() => ["errors", "down", "wrong-keys"].every((event) => heard(event, "firing")), {
      timeout: 90_000,
      interval: 500,
    })
    .toBe(true);
  expect(ears.alerts.filter((alert) => alert.event === "down")).toHaveLength(1);
  await mode("");
  await expect.poll(() => heard("down", "resolved"), { timeout: 60_000, interval: 500 }).toBe(true);
  // Named no more, told no more.
  await manifest("keys: {me: {env: KEY}}\n");
  expect((await vm.drayWith({ KEY }, "deploy", "-y")).stderr).toContain("alert nobody any more");
  expect((await vm.dray("alerts", "test")).stderr).toContain("[alerts.none]");
});

test("a replica that hangs is taken out and restarted while the other serves; deaths and lack of memory are told of", async () => {
  await using vm = await startVm();
  await using ears = await startEars(await gateway(vm));
  await vm.write(
    "dray.yaml",
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage("1")}\nready: /health\ntls: off\nreplicas: 2\nalerts: {webhook: {env: HOOK}}\nlimits: {timeout: 3s, memory: 256MiB}\n`,
  );
  const deployed = await vm.drayWith({ HOOK: ears.hook }, "deploy", "-y");
  expect(deployed.code, deployed.stderr).toBe(0);
  const heard = (event: string): boolean =>
    ears.alerts.some((alert) => alert.event === event && alert.state === "firing");
  const names = (
    await vm.inside("docker", "ps", "--filter", "label=dray.role=replica", "--format", "{{.Names}}")
  ).split("\n");
  const [first = "", second = ""] = names.toSorted();
  const startedAt = (name: string): Promise<string> =>
    vm.inside("docker", "inspect", name, "-f", "{{.State.StartedAt}}");
  const before = await startedAt(first);
  const app = (name: string, act: string): Promise<string> =>
    vm.inside(
      "docker",
      "exec",
      name,
      "sh",
      "-c",
      `for p in /proc/[0-9]*; do grep -q "[a]pp.py" $p/cmdline && [ "\${p#/proc/}" != 1 ] && ${act} "\${p#/proc/}"; done; true`,
    );
  await app(first, "kill -STOP");
  await expect.poll(() => startedAt(first), { timeout: 60_000, interval: 500 }).not.toBe(before);
  expect(await vm.inside("docker", "logs", "dray-keeper")).toContain(
    `${first} is hung: out of the traffic, and to be restarted`,
  );
  // Back in the traffic, and both of them answer.
  await expect
    .poll(() => vm.inside("docker", "logs", "dray-keeper"), { timeout: 30_000 })
    .toContain(`${first} answers again`);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => fetch(`http://${vm.address}/decisions`, { method: "POST", body: "{}" })),
  );
  expect(answers.every((answer) => answer.ok)).toBe(true);
  await expect.poll(() => heard("hung"), { timeout: 30_000, interval: 500 }).toBe(true);

  for (let death = 1; death <= 3; death++) {
    const since = await startedAt(second);
    // The shell that does it may go down with the container.
    await app(second, "kill -KILL").catch((error: unknown) => expect(String(error)).toContain("ended with 137"));
    await expect.poll(() => startedAt(second), { timeout: 30_000, interval: 200 }).not.toBe(since);
    await expect
      .poll(() => vm.inside("docker", "inspect", second, "-f", "{{.State.Running}}"), { timeout: 30_000 })
      .toBe("true");
  }
  await expect.poll(() => heard("restart-loop"), { timeout: 30_000, interval: 500 }).toBe(true);

  await vm.inside("docker", "exec", first, "sh", "-c", "echo eat-later > /tmp/mode");
  for (let call = 0; call < 4; call++)
    await fetch(`http://${vm.address}/decisions`, { method: "POST", body: "{}" }).catch(() => undefined);
  await expect.poll(() => heard("out-of-memory"), { timeout: 40_000, interval: 500 }).toBe(true);
  // The one with the engine's socket has no network.
  expect(await vm.inside("docker", "inspect", "dray-warden", "-f", "{{.HostConfig.NetworkMode}}")).toBe("none");
  expect((await vm.dray("remove", "-y")).code).toBe(0);
  expect(await vm.inside("docker", "ps", "-aq")).toBe("");
});
