import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../../packages/serve/src/start.ts";
import { fixture, startTest } from "../../packages/serve/src/testing.ts";
import { pythonWith, runPython } from "../world/python.ts";

// The clients that people have, from where they have them, without a change.

const CLIENTS = path.join(import.meta.dirname, "../clients");

let server: Running;
let python: string;
beforeAll(async () => {
  python = await pythonWith(path.join(CLIENTS, "requirements.txt"));
  server = await startTest({ model: fixture("simple"), service: "simple" });
}, 600_000);
afterAll(async () => await server.close());

test("tritonclient.http, as its own examples use it", async () => {
  const { host } = new URL(server.address);
  const said = await runPython(python, [path.join(CLIENTS, "triton.py"), host, "simple"]);
  const stories = ["simple", "packed", "at_once", "described", "refused", "by_hand", "asynchronous"];
  expect(said.trim().split("\n")).toEqual(stories.map((story) => `ok ${story}`));
});
