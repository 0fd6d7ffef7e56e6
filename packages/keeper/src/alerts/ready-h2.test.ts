import { once } from "node:events";
import http2 from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { askGolden } from "./golden.ts";
import { askReady } from "./ready.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const health = (status: string): Server =>
  http2.createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/grpc", "grpc-status": status });
    response.end();
  });

test("a server of HTTP/2 alone that answers is no hung one, whatever it knows of health", async () => {
  const at = (port: number): Parameters<typeof askReady>[0] => ({
    address: "127.0.0.1",
    port,
    ready: "/",
    host: undefined,
    protocol: "h2c",
  });
  // 12: it has no such method.
  expect(await askReady(at(await portOf(health("12"))))).toBe("answered");
  expect(await askReady(at(await portOf(health("14"))))).toBe("failed");
  expect(await askReady(at(1))).toBe("refused");
  const shut = createServer((socket) => void setTimeout(() => socket.destroy(), 50));
  expect(await askReady(at(await portOf(shut)))).toBe("silent");
});

test("a golden call of gRPC is asked in HTTP/2, and compared by its message", async () => {
  const server = http2.createServer();
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.pipe(stream);
  });
  const at = { address: "127.0.0.1", port: await portOf(server), protocol: "h2c" };
  const payload = { type: "application/grpc", base64: Buffer.from("\0\0\0\0\u0002hi").toString("base64") };
  const asked = { method: "POST", path: "/a.B/C", payload, status: 200, tolerance: 0 };
  expect(await askGolden({ ...asked, text: "hi" }, at)).toBeUndefined();
  expect(await askGolden({ ...asked, text: "ho" }, at)).toContain("another text");
});
