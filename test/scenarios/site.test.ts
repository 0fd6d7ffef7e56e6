import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deadLinks } from "../../site/links.mjs";
import { brokenRules, openChromium } from "../world/chromium.ts";
import { must } from "../world/images.ts";
import { worldFolder } from "../world/owner.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let site = "";
let browser: Browser;
beforeAll(async () => {
  site = await worldFolder("dray-site-");
  const build = `cd '${ROOT}' && DRAY_SITE='${site}' node_modules/.bin/eleventy --config=site/eleventy.config.mjs`;
  [, browser] = await Promise.all([must(["sh", "-c", build]), openChromium()]);
});
afterAll(async () => {
  await browser.close();
  await rm(site, { recursive: true, force: true });
});

const pagesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".html"));

/** Opens a page from its file: there is no server, and nobody outside is asked. */
async function open(address: string): Promise<{ page: Page; asked: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const asked: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith("file:")) asked.push(request.url());
  });
  await page.goto(String(pathToFileURL(path.join(site, address))));
  return { page, asked };
}

test("the search finds localhost without a network, and leads to the heading below which it stands", async () => {
  const { page, asked } = await open("index.html");
  await page.keyboard.press("/");
  await page.keyboard.type("localhost");
  const found = page.locator("#found a");
  await found.first().waitFor();
  expect(await found.first().innerText()).toContain("localhost");
  const reach = found.filter({ hasText: "Why can't I reach it? ›" });
  const title = (await reach.first().innerText()).split("\n")[0]?.split(" › ")[1];
  await page.screenshot({ path: ".dray/site-search.png" });
  await reach.first().click();
  await page.waitForURL(/why-cant-i-reach-it\.html#/);
  const heading = page.locator(`[id="${new URL(page.url()).hash.slice(1)}"]`);
  expect(await heading.innerText()).toBe(title);
  await expect.poll(async () => await heading.isVisible()).toBe(true);
  await page.locator("#search").fill("zzyzx");
  expect(await page.locator("#found").innerText()).toBe("Nothing has these words.");
  expect(asked).toEqual([]);
});

test.each([
  ["first-deploy.html", "Your first deploy, to a machine"],
  ["kubernetes.html", "A namespace of a Kubernetes cluster"],
  ["guides/keys.html", "Keys"],
])(
  "%s is read in a browser: its title, its pictures, its place among the pages, and no rule of WCAG broken",
  async (address, title) => {
    const { page, asked } = await open(address);
    expect(await page.locator("h1").innerText()).toBe(title);
    expect(await page.locator("nav a[aria-current]").count()).toBe(1);
    expect(await brokenRules(page)).toEqual([]);
    await mkdir(".dray", { recursive: true });
    await page.screenshot({ path: `.dray/site-${path.basename(address, ".html")}.png` });
    await page.setViewportSize({ width: 400, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(400);
    expect(asked).toEqual([]);
  },
);

test("no link is dead, every page of docs/ is on the site, and one of the pages is on the way to each", async () => {
  const pages = pagesOf(site);
  expect(deadLinks(site, pages)).toEqual([]);
  await writeFile(path.join(site, "dead.html"), '<a href="keys.html">1</a> <a href="cli.html#no-such-part">2</a>');
  expect(deadLinks(site, ["dead.html"])).toEqual(["dead.html: keys.html", "dead.html: cli.html#no-such-part"]);
  const { page } = await open("index.html");
  const led = await page.locator("nav a").evaluateAll((links: { href: string }[]) => links.map(({ href }) => href));
  const reached = led.map((href) => path.relative(site, fileURLToPath(href)));
  expect(reached.every((each) => existsSync(path.join(site, each)))).toBe(true);
  const written = readdirSync(path.join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => file.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html"));
  expect(written.filter((each) => !reached.includes(each))).toEqual([]);
});
