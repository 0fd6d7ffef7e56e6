import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { Numbers } from "./numbers/numbers.ts";
import { Prometheus } from "./numbers/prometheus.ts";
import { serve, targetOf } from "./server.ts";

const sources = {
  challenges: new Map([["x", "x.proof"]]),
  numbers: new Numbers("/nowhere", () => undefined),
  prometheus: new Prometheus(),
};

/** Authorities that `new URL` throws over, and forms that are none of ours. */
const BAD = [
  "http://a:99999/.well-known/acme-challenge/x",
  "http://a%zz/.well-known/acme-challenge/x",
  "http://999.999.999.999/.well-known/acme-challenge/x",
  "http://[::1/.well-known/acme-challenge/x",
  "http://a/.well-known/acme-challenge/x",
  "*",
];

test.each(BAD)("%s is no target", (url) => expect(targetOf(url)).toBeUndefined());

test("bad authorities get 400, odd paths 404, and the challenge is answered afterwards", async () => {
  const server = await serve(sources, 0);
  const { port } = server.address() as AddressInfo;
  const ask = async (target: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.write(`GET ${target} HTTP/1.1\r\nhost: a:99999\r\nconnection: close\r\n\r\n`);
    return await text(socket).catch(() => "");
  };
  try {
    for (const target of BAD) expect(await ask(target), target).toMatch(/^HTTP\/1.1 400 /);
    for (const target of ["//", "/\\a", "//a:99999/x", "/.well-known/acme-challenge/y"])
      expect(await ask(target), target).toMatch(/^HTTP\/1.1 404 /);
    expect(await ask("/.well-known/acme-challenge/x")).toMatch(/x\.proof/);
    for (const since of ["-1", "abc", "1e999", "900"])
      expect(await ask(`/numbers?since=${since}`)).toMatch(/^HTTP\/1.1 200 [\s\S]*\[\]/);
  } finally {
    server.close();
  }
});

test("a Prometheus is told the numbers of the service that the edge names, and of no other", async () => {
  const prometheus = new Prometheus();
  const server = await serve({ ...sources, prometheus }, 0);
  const { port } = server.address() as AddressInfo;
  const scrape = async (what: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/.dray/metrics${what}`);
    return [answer.status, await answer.text()];
  };
  try {
    for (const service of ["loans", "other"]) await scrape(`?service=${service}`);
    const asked = { release: "r1", status: 200, queueMs: 1, modelMs: 2, totalMs: 3, left: false, caller: "partners" };
    for (const service of ["loans", "other"]) prometheus.add({ ...asked, service, server: `s_${service}/r1.1` });
    const [, numbers] = await scrape("?service=loans");
    expect(numbers).toContain('dray_requests_total{service="loans",release="r1",status="200"} 1');
    expect(numbers).not.toContain("other");
    expect((await scrape(""))[0]).toBe(404);
  } finally {
    server.close();
  }
});
