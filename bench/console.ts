// The console's page in a browser, over 50 made-up machines with 30 days of numbers; and its server under hostile requests.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { openConsole, type RunningConsole } from "../packages/console/src/server/server.ts";
import { brokenRules, openChromium } from "../test/world/chromium.ts";
import { machineNames, showDesk } from "../test/world/console-desk.ts";
import type { Show } from "../test/world/console-made.ts";
import { attack, KINDS } from "../test/world/hostile-console.ts";
import { median } from "./median.ts";
import type { Figures, Stage } from "./stage.ts";

const PAGE = "packages/console/dist/page";
const MACHINES = 50;
const IDLE_MS = 10_000;
const SMOKE_IDLE_MS = 2000;
const LONG_MS = 50;
const PAGES = ["", "runs", "trace", "checks", "try", "requests", "logs", "drift", "alerts", "keys", "machines"];
const TABS = ["#/", ...PAGES.map((page) => `#/s/0/${page}`)];

/** `rounds`: how often the first paint and an update are measured. */
export async function benchConsole(rounds: number, say: (line: string) => void, stage: Stage): Promise<Figures> {
  const { desk, show } = showDesk(["decisions", "pricing"], machineNames(MACHINES));
  const { signal } = new AbortController();
  await using running = await openConsole({ desk, page: PAGE, idleMs: 600_000, signal, patienceMs: 1000 });
  const [, token = ""] = running.url.split("#");
  const [asset = ""] = readdirSync(path.join(PAGE, "assets"));
  const hostile = await attack({ port: running.port, token, asset: `/assets/${asset}` }, KINDS);
  for (const each of hostile.otherwise) say(`refused otherwise: ${each}`);
  const browser = await openChromium();
  try {
    const paints: number[] = [];
    for (let round = 0; round < rounds; round++) paints.push(await firstPaint(browser, running));
    say(`first paints: ${paints.map(Math.round).join(", ")} ms`);
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.addInitScript(WATCH_LONG_TASKS);
    await page.goto(running.url);
    await page.getByText("Every place answers").waitFor();
    const longTasks = await longTasksOf(page, say);
    const updates = await updatesOf(page, show, rounds);
    say(`updates: ${updates.map(Math.round).join(", ")} ms`);
    const broken = await rulesBroken(browser, stage.smoke ? [WIDE] : LOOKS, say);
    const idleCpuPercent = await idleCpu(page, stage.smoke ? SMOKE_IDLE_MS : IDLE_MS);
    return {
      jsGzKb: scriptKb(),
      firstPaintMs: Math.round(median(paints)),
      updateMs: Math.round(Math.max(...updates)),
      idleCpuPercent,
      hostile: hostile.sent,
      through: hostile.through.length,
      axeViolations: broken,
      longTasks,
    };
  } finally {
    await browser.close();
  }
}

/** All scripts of the page, packed as a server would send them, in kB. */
function scriptKb(): number {
  const scripts = readdirSync(path.join(PAGE, "assets")).filter((name) => name.endsWith(".js"));
  const bytes = scripts.reduce((all, name) => all + gzipSync(readFileSync(path.join(PAGE, "assets", name))).length, 0);
  return Math.round(bytes / 100) / 10;
}

/** Milliseconds from asking for the page to its first words, in a browser that has never seen it. */
async function firstPaint(browser: Browser, { url }: RunningConsole): Promise<number> {
  await using context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  await page.getByRole("heading").first().waitFor();
  const paint = 'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0';
  for (;;) {
    const ms = Number(await page.evaluate(paint));
    if (ms > 0) return ms;
  }
}

/** Tasks that are longer are noted from the first moment on, each with where the page was. */
const WATCH_LONG_TASKS = `
window.__long = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.__long.push(location.hash + " " + Math.round(entry.duration) + " ms at " + Math.round(entry.startTime));
}).observe({ type: "longtask", buffered: true });`;

/** How somebody may look at a page. */
interface Look {
  scheme: "light" | "dark";
  width: number;
}

const WIDE: Look = { scheme: "light", width: 1280 };
const LOOKS: readonly Look[] = [
  WIDE,
  { scheme: "dark", width: 1280 },
  { scheme: "light", width: 400 },
  { scheme: "dark", width: 400 },
];

/** On every page, light and dark, wide and narrow: of few machines, whose pages have the same parts as those of many. */
async function rulesBroken(browser: Browser, looks: readonly Look[], say: (line: string) => void): Promise<number> {
  const { desk, show } = showDesk(["decisions", "pricing"], machineNames(2));
  show.fault = "cloud-rule-missing";
  const { signal } = new AbortController();
  await using running = await openConsole({ desk, page: PAGE, idleMs: 600_000, signal });
  await using context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(running.url);
  await page.getByText("Every place answers").waitFor();
  let count = 0;
  for (const { scheme, width } of looks) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    for (const tab of TABS) {
      await goTo(page, tab);
      const broken = await brokenRules(page);
      for (const each of broken) say(`${scheme}, ${width} px, ${tab}: ${each}`);
      count += broken.length;
    }
  }
  return count;
}

async function goTo(page: Page, tab: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(tab)}`);
  await page.waitForTimeout(300);
}

/** Through every page, with thirty days of numbers; axe's own work does not count. */
async function longTasksOf(page: Page, say: (line: string) => void): Promise<number> {
  await page.evaluate("window.__long.length = 0");
  for (const tab of TABS) await goTo(page, tab);
  await goTo(page, "#/s/0");
  await page.getByRole("button", { name: "30 d" }).click();
  await page.getByRole("button", { name: "Kept releases, too" }).click();
  await page.waitForTimeout(1500);
  const long = await page.evaluate<string[]>("window.__long");
  for (const each of long) say(`a task longer than ${LONG_MS} ms: ${each}`);
  return long.length;
}

/** Milliseconds from a happening of a run to its words on the page. */
async function updatesOf(page: Page, show: Show, rounds: number): Promise<number[]> {
  const at = new Date().toISOString();
  const about = { verb: "deploy", service: "decisions", target: "made-up", places: ["eu-01"], who: "olga" } as const;
  show.told.push({ v: 1, at, type: "run.started", ...about });
  await goTo(page, "#/s/0/runs");
  await page.getByRole("link", { name: "deploy" }).first().click();
  await page.getByText("by olga on eu-01").waitFor();
  const times: number[] = [];
  for (let round = 0; round < Math.max(3, rounds); round++) {
    const title = `step number ${round}`;
    const startedAt = performance.now();
    const seen = page.getByText(title, { exact: true }).waitFor();
    show.told.push({ v: 1, at, type: "step.started", step: "start", id: title, on: "eu-01", title });
    await seen;
    times.push(performance.now() - startedAt);
  }
  return times;
}

/** Of one core, by the server, while somebody looks at a service; this process does nothing else meanwhile. */
async function idleCpu(page: Page, forMs: number): Promise<number> {
  await goTo(page, "#/s/1/checks");
  await page.waitForTimeout(1000);
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, forMs));
  const { user, system } = process.cpuUsage(before);
  return Math.round(((user + system) / 1000 / forMs) * 1000) / 10;
}
