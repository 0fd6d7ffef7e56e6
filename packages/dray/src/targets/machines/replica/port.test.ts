import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo, createServer, type Server } from "node:net";
import { expect, test } from "vitest";
import { isHttp2 } from "../../../probes/replica.ts";
import { choosePort, type Ports } from "./port.ts";

const management = { port: 8081, says: "http" } as const;
const api = { port: 8080, says: "http" } as const;
const base: Ports = { found: [], documented: [], golden: false, settled: true, late: false };

test.each<[string, Partial<Ports>, ReturnType<typeof choosePort>]>([
  [
    "the one that answers the golden request",
    { golden: true, found: [management, { port: 8080, says: "golden" }] },
    8080,
  ],
  [
    "not yet: one that may answer the golden request is still to open",
    { golden: true, found: [management] },
    undefined,
  ],
  ["not yet: a documented one is still shut", { documented: [8080, 8081], found: [management] }, undefined],
  [
    "to be asked for: the documented one never opened",
    { documented: [8080, 8081], found: [management], late: true },
    [8081, 8080],
  ],
  ["to be asked for: two speak HTTP", { documented: [8080, 8081], found: [api, management] }, [8080, 8081]],
  [
    "the documented one that speaks HTTP",
    { documented: [8080, 9000], found: [api, { port: 9000, says: "nothing" }] },
    8080,
  ],
  ["the documented one, whatever else is open", { documented: [8080], found: [api, management] }, 8080],
  ["the only one that opens", { found: [api] }, 8080],
  ["the only one that speaks HTTP", { found: [{ port: 5555, says: "nothing" }, api] }, 8080],
  ["the only one, though nobody knows what it speaks", { found: [{ port: 50051, says: "nothing" }] }, 50051],
  ["not yet: another may open in a moment", { found: [api], settled: false }, undefined],
  [
    "to be asked for: neither speaks HTTP",
    {
      found: [
        { port: 1, says: "nothing" },
        { port: 2, says: "nothing" },
      ],
    },
    [1, 2],
  ],
  [
    "to be asked for: two answer the golden request",
    {
      golden: true,
      found: [
        { port: 8080, says: "golden" },
        { port: 8081, says: "golden" },
      ],
    },
    [8080, 8081],
  ],
  [
    "the one that answers as expected, where another has only its status",
    {
      golden: true,
      found: [
        { port: 8081, says: "status" },
        { port: 8080, says: "golden" },
      ],
    },
    8080,
  ],
  [
    "not yet: the one that answers as expected may be late",
    { golden: true, settled: false, found: [{ port: 8081, says: "status" }] },
    undefined,
  ],
  [
    "the only one with the golden request's status: what it answers is judged later",
    { golden: true, found: [management, { port: 8080, says: "status" }] },
    8080,
  ],
  [
    "HTTP beside gRPC, both documented",
    {
      documented: [8000, 8001],
      found: [
        { port: 8000, says: "http" },
        { port: 8001, says: "http2" },
      ],
    },
    8000,
  ],
  [
    "to be asked for: HTTP, gRPC and metrics, as Triton has them",
    {
      documented: [8000, 8001, 8002],
      found: [
        { port: 8000, says: "http" },
        { port: 8001, says: "http2" },
        { port: 8002, says: "http" },
      ],
    },
    [8000, 8002],
  ],
  ["none", { late: true }, undefined],
])("the port is %s", (_name, ports, port) => {
  expect(choosePort({ ...base, ...ports })).toEqual(port);
});

test.each<[string, () => Server | http2.Http2Server, boolean]>([
  ["HTTP/2 alone", () => http2.createServer(), true],
  ["a protocol of its own", () => createServer((socket) => socket.end("+OK hello\r\n")), false],
  ["nothing", () => createServer((socket) => socket.destroy()), false],
])("a server that speaks %s is told from others", async (_what, make, told) => {
  const server = make();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const asked = http.request({ host: "127.0.0.1", port, agent: false });
  asked.end();
  const [error] = (await once(asked, "error").catch((reason: unknown) => [reason])) as [unknown];
  server.close();
  expect(isHttp2(error)).toBe(told);
});
