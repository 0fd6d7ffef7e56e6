import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { ask, text } from "./request.ts";

test("an answer with 30 kB of headers is read: the edge hands it on", async () => {
  const server = http.createServer((_request, answer) => {
    for (let index = 0; index < 100; index++) answer.setHeader(`x-many-${index}`, "v".repeat(300));
    answer.end("well");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const { signal } = new AbortController();
  const answer = await ask({ method: "GET", path: "/", host: "127.0.0.1", port, signal });
  expect(await text(answer)).toBe("well");
  server.close();
});
