import { once } from "node:events";
import http from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { expect, test } from "vitest";
import { type Alert, quiet, send } from "./send.ts";
import { post } from "./webhook.ts";

const alert: Alert = {
  text: "loans: score is <!channel>\r\nBcc: x & @all [here](http://evil)",
  event: "golden",
  state: "firing",
  service: "loans",
  message: "score is <!channel>",
  at: "2026-01-01T00:00:00.000Z",
};
const settings = { golden: [], errors: 1, disk: 1, certificateDays: 1, ready: "/" };

test("a model's words in an alert call nobody together and lead nowhere", () => {
  expect(quiet(alert.text)).toBe("loans: score is &lt;!channel&gt; Bcc: x &amp; @\u200Ball [here]\u200B(http://evil)");
});

test("a password is not shown to a mail server without TLS", async () => {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.write("220 test\r\n");
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      heard.push(String(chunk));
      socket.write(String(chunk).startsWith("EHLO") ? "250-test\r\n250 AUTH PLAIN\r\n" : "502 no\r\n");
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const smtp = { host: "127.0.0.1", port, from: "a@b.example", to: "c@d.example", user: "me", password: "planted" };
  try {
    expect(await send(alert, { ...settings, smtp })).toEqual([expect.stringMatching(/^mail: /)]);
    expect(heard.join("")).toContain("STARTTLS");
    expect(heard.join("")).not.toMatch(/AUTH|planted/);
  } finally {
    server.close();
  }
});

test("a mail server that goes on talking is left in the middle, and it is said", async () => {
  const server = createServer((socket) => {
    const talking = setInterval(() => socket.write("220-still greeting\r\n"), 20);
    socket.on("error", () => undefined).on("close", () => clearInterval(talking));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const smtp = { host: "127.0.0.1", port, from: "a@b.example", to: "c@d.example" };
  try {
    expect(await send(alert, { ...settings, smtp }, 300)).toEqual([expect.stringMatching(/^mail: it took longer/)]);
  } finally {
    server.close();
  }
});

test("a webhook that leads somewhere else gets the alert, and nobody else", async () => {
  let asked = 0;
  const server = http.createServer((_, answer) => {
    asked++;
    answer.writeHead(307, { location: "/other" }).end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    const { port } = server.address() as AddressInfo;
    await expect(post(`http://127.0.0.1:${port}/hook`, alert)).rejects.toThrow("the webhook answered 307");
    expect(asked).toBe(1);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
