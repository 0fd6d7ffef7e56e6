import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { fixture, postJson, startTest } from "./testing.ts";

test("a server that is told to end does so, also while somebody sends a body without end", async () => {
  const running = await startTest({ model: fixture("regressor"), service: "sum", timeoutMs: 1000 });
  const { hostname, port } = new URL(running.address);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  // Not `once`, which fails where the end of the connection comes as a reset.
  const gone = new Promise((resolve) =>
    socket
      .on("error", () => undefined)
      .once("close", resolve)
      .resume(),
  );
  const sending = setInterval(() => socket.write(" "), 50);
  socket.write(
    "POST /decisions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{",
  );
  expect((await postJson(`${running.address}/decisions`, { a: 1, b: 2, c: 3 })).status).toBe(200);
  const startedAt = performance.now();
  await running.close();
  // Three seconds where nothing else runs; without that it would be the minute that slow senders are given.
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  clearInterval(sending);
  await gone;
});

test("who sends slowly is given a minute", async () => {
  const running = await startTest({ model: fixture("regressor"), service: "sum" });
  expect(running.app.server.requestTimeout).toBe(60_000);
  await running.close();
});
