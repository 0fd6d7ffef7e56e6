import { afterAll, beforeAll, expect, test } from "vitest";
import type { Running } from "../start.ts";
import { fixture, postJson, startTest } from "../testing.ts";

// What a route is called must not decide what it takes.

let running: Running;
beforeAll(async () => {
  running = await startTest({ model: fixture("regressor"), service: "sum", rows: 8, queue: 8, batch: 2, body: 2000 });
});
afterAll(async () => await running.close());

/** The same rows for either route. */
async function ask(route: string, rows: number): Promise<Response> {
  const row = { a: 1, b: 2, c: 3 };
  const tensor = { name: "x", datatype: "FP32", shape: [rows, 3], data: Array.from({ length: rows }, () => [1, 2, 3]) };
  const body = route === "/decisions" ? Array.from({ length: rows }, () => row) : { inputs: [tensor] };
  return await postJson(running.address + route, body);
}

test.each(["/decisions", "/v2/models/sum/infer"])("%s: rows, queue and body have limits", async (route) => {
  expect((await ask(route, 8)).status).toBe(200);
  expect((await ask(route, 9)).status).toBe(413);
  expect((await ask(route, 200)).status).toBe(413);
  const burst = await Promise.all(Array.from({ length: 60 }, async () => await ask(route, 7)));
  const refused = burst.filter(({ status }) => status === 429);
  expect(new Set(burst.map(({ status }) => status))).toEqual(new Set([200, 429]));
  expect(refused[0]?.headers.get("retry-after")).toBe("1");
  const told = (await refused[0]?.json()) as { error: unknown } | undefined;
  expect(typeof told?.error).toBe(route === "/decisions" ? "object" : "string");
});

test("tensors that come together are run together, and each caller gets his own rows", async () => {
  const answers = Array.from({ length: 12 }, async (_, index) => {
    const rows = (index % 2) + 1;
    const data = Array.from({ length: rows * 3 }, () => index);
    const inputs = [{ name: "x", datatype: "FP32", shape: [rows, 3], data }];
    const answer = await postJson(`${running.address}/v2/models/sum/infer`, { inputs });
    return answer.status === 429 ? "busy" : ((await answer.json()) as { outputs: object[] }).outputs[0];
  });
  for (const [index, output] of (await Promise.all(answers)).entries()) {
    if (output === "busy") continue;
    const rows = (index % 2) + 1;
    expect(output).toMatchObject({ shape: [rows, 1], data: Array.from({ length: rows }, () => index * 6) });
  }
  const text = await (await fetch(`${running.address}/metrics`)).text();
  const count = (name: string): number => Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, "m").exec(text)?.[1]);
  expect(count("dray_batch_rows_sum")).toBeGreaterThan(count("dray_batch_rows_count"));
});
