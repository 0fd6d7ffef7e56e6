import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openConsole, type RunningConsole } from "../../packages/console/src/server/server.ts";
import { openChromium } from "../world/chromium.ts";
import { machineNames, showDesk } from "../world/console-desk.ts";

// The page in a browser over made-up services: what each part of it shows and does.

const { desk, show } = showDesk(["decisions"], machineNames(2), true);
let running: RunningConsole;
let browser: Browser;
let page: Page;

const SHIFTS = `
window.__shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.__shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });`;
/** A page below it is called stable (web.dev, Cumulative Layout Shift). */
const STABLE = 0.1;

async function openPage(url: string): Promise<Page> {
  const opened = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await opened.addInitScript(SHIFTS);
  await opened.goto(url);
  await opened.getByText("Every place answers").waitFor();
  return opened;
}

beforeAll(async () => {
  const { signal } = new AbortController();
  running = await openConsole({ desk, page: "packages/console/dist/page", idleMs: 600_000, signal });
  browser = await openChromium();
  page = await openPage(running.url);
});

afterAll(async () => {
  await browser?.close();
  await running?.[Symbol.asyncDispose]();
});

const open = async (tab: string): Promise<void> => {
  await page.evaluate(`location.hash = "#/s/0/${tab}"`);
};
const press = async (name: string | RegExp): Promise<void> => {
  await page.getByRole("button", { name, exact: typeof name === "string" }).click();
};

test("the first words stand in the page itself, and nothing moves when the rest comes", async () => {
  const answer = await page.request.get(`http://127.0.0.1:${running.port}/`);
  expect(await answer.text()).toMatch(/<style>[^<]+<\/style>[\s\S]*<h1>Drayage<\/h1>[\s\S]*<link rel="stylesheet"/);
  expect(await page.evaluate<number>("window.__shift")).toBeLessThan(STABLE);
});

test("a caller is let in by a button, after the plan; a clipboard that refuses the key is told", async () => {
  await open("keys");
  await page.getByRole("textbox", { name: "Name" }).fill("mobile");
  await press("Make a key");
  await page.getByRole("heading", { name: "Let mobile in?" }).waitFor();
  await page.getByText("mobile on eu-01, eu-02").waitFor();
  await page.getByText("dray keys add mobile --file decisions/dray.yaml").last().waitFor();
  await press("Make the key");
  await page.getByText("dk_made_up").waitFor();
  await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))");
  await press(/^Copy the key/);
  await page.getByRole("heading", { name: "The browser refused the clipboard" }).waitFor();
  expect(await page.getByLabel("The text to copy").inputValue()).toBe("dk_made_up");
  await page.getByRole("dialog", { name: "The browser refused" }).getByRole("button", { name: "Close" }).click();
  await press("Close");
  await page.getByRole("button", { name: "Revoke the key of partner-bank" }).first().click();
  await page.getByText("dray keys revoke partner-bank --file decisions/dray.yaml").waitFor();
  await press("Revoke the key");
  await page.getByText("partner-bank is refused from now on.").waitFor();
  await press("Close");
});

test("the golden request is tried, beside its command and its curl line; a picture is shown as one", async () => {
  await open("try");
  await page.getByText("the golden request", { exact: true }).waitFor();
  await page.getByText(/^\$ dray request -X POST --path \/decisions -d '\{"income":4200/).waitFor();
  await page.getByText(/^\$ curl -X POST https:\/\/decisions\.example\.test\/decisions -H "authorization/).waitFor();
  await press("Send");
  await page.getByText('"score": 0.91').waitFor();
  await page.getByRole("row", { name: /Queue of the edge/ }).waitFor();
  await page.getByRole("textbox", { name: "Path" }).fill("/picture");
  await press("Send");
  const picture = page.getByRole("img", { name: "The answer, a picture" });
  await picture.waitFor();
  await expect.poll(async () => await page.evaluate("document.querySelector('img.answer').naturalWidth")).toBe(1);
});

test("a request of the log is sent to another release, and both answers are laid side by side", async () => {
  await open("requests");
  await press("Requests: 20 more");
  await press("Replay 5f3c8a52-1033");
  await page.getByRole("combobox", { name: "Sent to" }).selectOption("7hq20d4m");
  await page.getByText(/--release 7hq20d4m/).waitFor();
  await press("Send");
  await page.getByText("another answer than").waitFor();
  expect(show.tried.at(-1)).toBe('POST /decisions {"body":{"income":4200,"amount":12033,"purpose":"car"}} to 7hq20d4m');
});

test("features that moved, certificates and a shadow's differences are shown; a test alert is sent by a button", async () => {
  await open("drift");
  await page.getByRole("row", { name: /amount.*0\.41.*drifted/ }).waitFor();
  await open("alerts");
  await page
    .getByRole("row", { name: /decisions\.example\.test.*valid.*2027-01-30/ })
    .first()
    .waitFor();
  await press("Send a test alert");
  await press("Send it");
  await page.getByText("Sent from eu-01. Did it arrive?").waitFor();
  await press("Close");
  await open("runs");
  await page
    .getByRole("row", { name: /score.*21.*0\.91.*0\.87/ })
    .first()
    .waitFor();
  expect(await page.getByRole("heading", { name: /^Shadow 7hq20d4m on/ }).count()).toBe(2);
});

test("any two releases are compared", async () => {
  await open("service");
  await page.getByRole("combobox", { name: "From" }).selectOption("1cx82k9f");
  await page.getByRole("combobox", { name: "To" }).selectOption("7hq20d4m");
  await press("Compare");
  const row = page.getByRole("row", { name: "release 1cx82k9f 7hq20d4m" });
  await row.waitFor();
  expect(await row.count()).toBe(1);
});

test("how a canary is judged is said in figures and in words", async () => {
  const at = new Date().toISOString();
  const about = { verb: "deploy", service: "decisions", target: "made-up", places: ["eu-01"], who: "olga" } as const;
  show.told.push({ v: 1, at, type: "run.started", ...about });
  const numbers = { count: 40, failed: 12, p50Ms: 9, p95Ms: 21 };
  const errors = { rate: 0.3, usual: 0, allowed: 0.01, chance: 4e-15 };
  const arithmetic = { bound: 0.0005, minimum: 50, errors };
  const trial = { on: "eu-01", release: "k3v9s1zb", share: 50, leftMs: 9000, fresh: numbers, arithmetic };
  show.told.push({ v: 1, at, type: "trial", ...trial, old: { ...numbers, failed: 0 } });
  await open("runs");
  await page.getByRole("link", { name: "deploy" }).first().click();
  const said = await page.getByRole("list", { name: "How it is judged" }).innerText();
  expect(said.replaceAll(/\s+/g, " ")).toContain(
    "30 % of 40 answers failed, 1 % are allowed. By chance alone so many fail in less than one of 1,000,000,000 such windows; less than in one of 2,000 such windows is called worse.",
  );
  expect(said).toContain("Times are judged once each release has 50 answers.");
});

test("every page fits a narrow window", async () => {
  await page.setViewportSize({ width: 400, height: 800 });
  const links = await page.locator("nav.tabs a").all();
  const tabs = await Promise.all(links.map(async (link) => (await link.getAttribute("href")) ?? ""));
  expect(tabs).toHaveLength(11);
  for (const tab of ["#/", ...tabs]) {
    await page.evaluate(`location.hash = ${JSON.stringify(tab)}`);
    await page.locator(".waiting").first().waitFor({ state: "detached" });
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), tab).toBeLessThanOrEqual(0);
  }
});
