import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { expect, test } from "vitest";
import type { Cors } from "../../packages/dray/src/core/release.ts";
import { openChromium } from "../world/chromium.ts";
import { checkConfig, keyOf, serviceOf, startEdge, stateOf } from "../world/edge.ts";

const KEY = "a-partner-key-of-a-good-length";
const CORS: Cors = {
  origins: ["https://app.example.com", "https://*.example.org"],
  headers: ["authorization", "content-type"],
  expose: ["x-request-id"],
  credentials: false,
  maxAgeS: 7200,
};

/** A server of empty pages; `127.0.0.1` and `localhost` are two origins of it. */
async function pages(): Promise<{ port: number } & AsyncDisposable> {
  const server = http.createServer((_request, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end("<title>a page</title>");
  });
  await new Promise<void>((resolve) => void server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a page of an origin learns of a call: the status, the id and the body; or that it may not know. */
async function callFrom(browser: Browser, origin: string, url: string, key: string): Promise<string> {
  const page = await browser.newPage();
  await page.goto(origin);
  const call = async ([to, bearer]: string[]): Promise<string> => {
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    try {
      const answer = await fetch(to ?? "", { method: "POST", headers, body: "{}" });
      const named = answer.headers.get("x-request-id") === null ? "nameless" : "named";
      return `${answer.status} ${named}`;
    } catch {
      return "not to be read";
    }
  };
  const learned = await page.evaluate(call, [url, key]);
  await page.close();
  return learned;
}

test("a page of an origin that is named calls the API with a key; a page of another one learns nothing", async () => {
  await using site = await pages();
  const named = `http://127.0.0.1:${site.port}`;
  const reached: string[] = [];
  await using edge = await startEdge(
    (replica) => stateOf(serviceOf({ cors: { ...CORS, origins: [named] } }, replica, closedTo())),
    (request, answer) => {
      reached.push(`${request.method} ${String(request.headers["x-dray-key"])}`);
      // A framework that lets everybody in has no say.
      answer.setHeader("access-control-allow-origin", "*");
      answer.end("{}");
    },
  );
  const url = `http://${edge.address}/decisions`;
  const browser = await openChromium();
  try {
    expect(await callFrom(browser, named, url, KEY)).toBe("200 named");
    // A refusal of the edge's own is readable, too: the page can say what is wrong.
    expect(await callFrom(browser, named, url, "a-wrong-key-of-a-good-length")).toBe("401 named");
    expect(await callFrom(browser, `http://localhost:${site.port}`, url, KEY)).toBe("not to be read");
    expect(reached).toEqual(["POST partners"]);
  } finally {
    await browser.close();
  }
});

/** Who may call. */
const closedTo = (): Parameters<typeof serviceOf>[2] => ({ keys: { partners: keyOf(KEY) }, closed: true });

test("the browser's question is answered for named origins and those below a name, and for no look-alike", async () => {
  await using edge = await startEdge(
    (replica) => stateOf(serviceOf({ cors: CORS }, replica, closedTo())),
    (_request, answer) => void answer.end("{}"),
  );
  const asked = async (origin: string): Promise<(number | string | null)[]> => {
    const headers = { origin, "access-control-request-method": "POST" };
    const answer = await fetch(`http://${edge.address}/decisions`, { method: "OPTIONS", headers });
    return [answer.status, answer.headers.get("access-control-allow-origin"), answer.headers.get("vary")];
  };
  for (const origin of ["https://app.example.com", "https://pr-7.example.org", "https://a.b.example.org"])
    expect(await asked(origin)).toEqual([204, origin, "origin"]);
  for (const origin of [
    "http://app.example.com",
    "https://app.example.com.evil.net",
    "https://app.example.com:8443",
    "https://evil-example.org",
    "https://appXexample.com",
    "https://x.example.org.evil.net",
    "https://evil.net/?.example.org",
    "null",
  ])
    expect(await asked(origin), origin).toEqual([401, null, "origin"]);
});

test("HAProxy takes the configuration for any page, and for cookies", async () => {
  const replica = { address: "10.0.0.1", port: 80 };
  const any = stateOf(serviceOf({ cors: { ...CORS, origins: "*", expose: [] } }, replica));
  const cookies = stateOf(serviceOf({ cors: { ...CORS, credentials: true } }, replica, { prefix: "/a" }));
  for (const state of [any, cookies]) expect(await checkConfig(state)).not.toMatch(/WARNING|ALERT/);
});
