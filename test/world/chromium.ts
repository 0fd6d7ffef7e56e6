import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { type Browser, chromium, type Page } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];

/** A browser without a window, of this computer's. */
export async function openChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [...FLAGS, "--disable-quic", "--no-first-run"],
  });
}

interface Found {
  violations: { id: string; help: string; nodes: { target: string[]; failureSummary?: string }[] }[];
}

/** The rules of WCAG 2.2 AA that a page breaks, as axe-core finds them, and where. */
export async function brokenRules(page: Page): Promise<string[]> {
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  // A page whose policy forbids strangers' scripts is handed it by the debugger, which is not of the page.
  await page.evaluate(source);
  const { violations } = await page.evaluate<Found>(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })',
  );
  return violations.map(({ id, help, nodes }) => {
    const [first] = nodes;
    return `${id}: ${help}, at ${first?.target.join(" ")} and ${nodes.length - 1} more: ${first?.failureSummary}`;
  });
}

const FOCUSED = 'document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? ""';

/** Presses Tab until what is focused has that name, as somebody without a mouse does. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let pressed = 0; pressed < 150; pressed++) {
    await page.keyboard.press("Tab");
    const focused = String(await page.evaluate(FOCUSED));
    if (typeof name === "string" ? focused === name : name.test(focused)) return;
  }
  throw new Error(`the keyboard does not get to ${String(name)}`);
}
