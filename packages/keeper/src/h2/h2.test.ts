import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { type AddressInfo, connect, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { askHealth, framed, inHttpWords } from "./grpc.ts";
import { Http2Line } from "./line.ts";

const open: (Disposable | Server)[] = [];

afterEach(() => {
  for (const each of open.splice(0)) {
    if ("close" in each) each.close();
    else each[Symbol.dispose]();
  }
});

/** What a server's health service says: a status of gRPC in the head, or a message and then a status. */
type Says = { head: string } | { message: number[] };

async function lineTo(server: Server): Promise<Http2Line> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const line = new Http2Line(() => Promise.resolve(connect(port, "127.0.0.1")));
  open.push(line, server);
  return line;
}

async function serverSaying(says: Says, seen: http2.IncomingHttpHeaders[] = []): Promise<Http2Line> {
  const server = http2.createServer();
  server.on("stream", (stream, headers) => {
    seen.push(headers);
    const head = { ":status": 200, "content-type": "application/grpc" };
    if ("head" in says) return stream.respond({ ...head, "grpc-status": says.head }, { endStream: true });
    stream.respond(head, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed(Buffer.from(says.message)));
    return undefined;
  });
  return await lineTo(server);
}

const signal = new AbortController().signal;

test("a gRPC server is ready when its health service says SERVING, or when it has none", async () => {
  const seen: http2.IncomingHttpHeaders[] = [];
  const serving = await serverSaying({ message: [8, 1] }, seen);
  expect(await askHealth(serving, "api.example", signal)).toMatchObject({ ready: true, said: "SERVING" });
  expect(seen[0]).toMatchObject({ ":authority": "api.example", te: "trailers", "content-type": "application/grpc" });
  expect((await askHealth(await serverSaying({ message: [8, 2] }), undefined, signal)).ready).toBe(false);
  expect((await askHealth(await serverSaying({ head: "12" }), undefined, signal)).ready).toBe(true);
  expect((await askHealth(await serverSaying({ head: "14" }), undefined, signal)).ready).toBe(false);
});

test("one connection serves many questions, and a new one where it has ended", async () => {
  const sessions: http2.ServerHttp2Session[] = [];
  const server = http2.createServer((_request, response) => void response.end("hello"));
  server.on("session", (session) => void sessions.push(session));
  const line = await lineTo(server);
  const ask = async (): Promise<string> => String((await line.ask({ method: "GET", path: "/" }, signal)).body);
  expect([await ask(), await ask(), sessions.length]).toEqual(["hello", "hello", 1]);
  sessions[0]?.destroy();
  await expect.poll(ask).toBe("hello");
  expect(sessions).toHaveLength(2);
});

test("a server that speaks HTTP/1.1 alone, and one that says nothing, are errors and not a wait without end", async () => {
  const old = await lineTo(http.createServer((_request, response) => void response.end("hello")));
  await expect(old.ask({ method: "GET", path: "/" }, signal)).rejects.toThrow(Error);
  const silent = await lineTo(http2.createServer(() => undefined));
  await expect(silent.ask({ method: "GET", path: "/" }, AbortSignal.abort())).rejects.toThrow(Error);
});

test("an answer in HTTP's words: messages without their prefixes, or gRPC's status and sentence", () => {
  const headers = { "content-type": "application/grpc+proto" };
  const two = Buffer.concat([framed(Buffer.from("ab")), framed(Buffer.from("c"))]);
  const said = (answer: Parameters<typeof inHttpWords>[0]): [number, string] => {
    const { status, body } = inHttpWords(answer);
    return [status, String(body)];
  };
  expect(said({ status: 200, headers, trailers: { "grpc-status": "0" }, body: two })).toEqual([200, "abc"]);
  const trailers = { "grpc-status": "3", "grpc-message": "no%20such%20field%" };
  expect(said({ status: 200, headers, trailers, body: two })).toEqual([400, "gRPC status 3: no%20such%20field%"]);
  // One that was cut has no status.
  expect(said({ status: 200, headers, body: two })[0]).toBe(500);
  expect(said({ status: 503, headers: {}, body: Buffer.from("busy") })).toEqual([503, "busy"]);
});
