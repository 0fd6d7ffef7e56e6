import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { slowly } from "./outside.ts";

const never = new AbortController().signal;

/** A busy computer may need a second for an answer that is there at once: only where none comes is the patience short. */
async function against(answer: (socket: Socket) => void, patienceMs: number = 20_000): ReturnType<typeof slowly> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined).once("data", () => answer(socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return await slowly(url, undefined, { headers: {}, patienceMs }, never);
}

test("a body that never ends: refused, hung up on, or still waited for when the patience ended", async () => {
  const refused = await against((socket) => socket.end("HTTP/1.1 408 Request Timeout\r\n\r\n"));
  expect(refused).toMatchObject({ status: 408, open: false });
  expect(await against((socket) => socket.destroy())).toMatchObject({ status: 0, open: false });
  const waited = await against(() => undefined, 300);
  expect(waited).toMatchObject({ status: 0, open: true });
  expect(waited.seconds).toBeGreaterThan(0.25);
});
