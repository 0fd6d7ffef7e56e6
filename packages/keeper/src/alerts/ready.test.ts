import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { ask } from "../ask.ts";
import { askReady } from "./ready.ts";

test("an answer with 30 kB of headers is one: the edge hands it on, and nobody calls its replica hung", async () => {
  const server = http.createServer((_request, answer) => {
    for (let index = 0; index < 100; index++) answer.setHeader(`x-many-${index}`, "v".repeat(300));
    answer.end("well");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const replica = { address: "127.0.0.1", port };
  expect(await askReady({ ...replica, ready: "/", host: undefined })).toBe("answered");
  const answer = await ask(replica, { method: "GET", path: "/" }, { withinMs: 10_000 });
  expect(answer.body.toString()).toBe("well");
  server.close();
});
