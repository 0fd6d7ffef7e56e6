import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../start.ts";
import { fixture, startTest } from "../testing.ts";

const folder = mkdtempSync(path.join(tmpdir(), "dray-serve-pages-"));
const WORDS = `it's $(touch ${folder}/ran) "<b>" & \`touch ${folder}/ran\``;
const SCHEMA = {
  title: "<script>alert(1)</script>",
  cors: ["https://app.example.com"],
  features: [
    { name: "x", example: 1 },
    { name: WORDS, example: 2 },
  ],
};

let running: Running;
beforeAll(async () => {
  const schema = path.join(folder, "schema.yaml");
  writeFileSync(schema, JSON.stringify(SCHEMA));
  running = await startTest({ model: fixture("zipmap"), schema });
});
afterAll(async () => {
  await running.close();
  rmSync(folder, { recursive: true });
});

const page = async (): Promise<string> =>
  await (await fetch(running.address, { headers: { accept: "text/html" } })).text();
const plain = (html: string): string =>
  html.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

test("nothing that a model calls its features is a tag of the page", async () => {
  const html = await page();
  expect(html).not.toContain("<script>");
  expect(html).not.toContain("<b>");
  expect(html).toContain("&lt;script&gt;");
});

test("the line to be copied says to a shell what it says to a reader, whatever the names are", async () => {
  const [, line = ""] = /<pre>([^]*?)<\/pre>/.exec(await page()) ?? [];
  const said = execFileSync("sh", ["-c", `curl() { for word; do printf '%s\\0' "$word"; done; }; ${plain(line)}`]);
  const words = said.toString().split("\0");
  expect(words.slice(0, 3)).toEqual(["-X", "POST", `${running.address}/decisions`]);
  expect(JSON.parse(words.at(-2) ?? "")).toMatchObject({ [WORDS]: 2 });
  expect(existsSync(path.join(folder, "ran"))).toBe(false);
});

test("a page of an origin that schema.yaml names may ask from a browser; another may not", async () => {
  const asked = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type, x-api-key",
  };
  const from = async (origin: string, method: "OPTIONS" | "POST"): Promise<Response> =>
    await fetch(`${running.address}/decisions`, {
      method,
      ...(method === "POST" ? { body: JSON.stringify({ x: 1, [WORDS]: 2 }) } : {}),
      headers: { origin, ...(method === "POST" ? { "content-type": "application/json" } : asked) },
    });
  const preflight = await from("https://app.example.com", "OPTIONS");
  expect(preflight.status).toBe(204);
  expect(Object.fromEntries(preflight.headers)).toMatchObject({
    "access-control-allow-origin": "https://app.example.com",
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "content-type, x-api-key",
    vary: "origin",
  });
  const answer = await from("https://app.example.com", "POST");
  expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "https://app.example.com"]);
  for (const method of ["OPTIONS", "POST"] as const) {
    const other = await from("https://evil.example.com", method);
    expect(other.headers.get("access-control-allow-origin")).toBe(null);
    expect(other.headers.get("vary")).toBe("origin");
  }
});
