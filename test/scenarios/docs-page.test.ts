import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readSettings } from "../../packages/serve/src/settings.ts";
import { start } from "../../packages/serve/src/start.ts";
import { openChromium } from "../world/chromium.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/decisions-onnx", import.meta.url));

test("in a browser with no network, the page at /docs takes a request and shows the model's answer", async () => {
  const files = [
    "--model",
    `${EXAMPLE}/model.onnx`,
    "--schema",
    `${EXAMPLE}/schema.yaml`,
    "--golden",
    `${EXAMPLE}/golden.json`,
  ];
  const flags = ["--port", "0", "--host", "127.0.0.1", "--workers", "1", "--log", "silent"];
  const running = await start(readSettings([...files, ...flags], {}, () => "{}"));
  const browser = await openChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1100, height: 1400 } });
    const strangers: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(running.address) && !request.url().startsWith("data:"))
        strangers.push(request.url());
    });
    await page.goto(`${running.address}/docs`);
    await page.getByText("One object, or a list of objects").click();
    const body = page.locator("textarea.body-param__text");
    const row = JSON.parse(await body.inputValue()) as Record<string, unknown>;
    expect(row).toMatchObject({ age: 41, employment: "salaried" });
    await body.fill(JSON.stringify({ ...row, missed_payments: 9 }, undefined, 2));
    await page.getByRole("button", { name: "Execute" }).click();
    const answer = page.locator(".live-responses-table");
    await answer.locator(".response-col_status", { hasText: "200" }).first().waitFor();
    expect(await answer.innerText()).toMatch(/"label":\s*"(approve|reject)"/);
    expect(strangers).toEqual([]);
    await mkdir(".dray", { recursive: true });
    await page.screenshot({ path: ".dray/docs-page.png" });
  } finally {
    await browser.close();
    await running.close();
  }
});
