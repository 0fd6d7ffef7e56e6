import { mkdir } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { brokenRules, openChromium, tabTo } from "../world/chromium.ts";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { type Running, startVm, type Vm } from "../world/vm.ts";

// One console over one stand-in, looked at in a browser: each test begins where the last one ended.

const PLANTED = "<img src=x onerror=\"document.title='planted'\">";
const CALM = "{canary: [50], every: 20s, minimum: 20, bake: 1s, maxP95: 20x}";

let vm: Vm;
let console_: Running;
let browser: Browser;
let page: Page;
const strangers: string[] = [];
const problems: string[] = [];

async function release(tag: string, env: Record<string, string> = {}, rollout: string = ""): Promise<string[]> {
  const all = JSON.stringify({ POLITE: "1", ...env });
  const lines = [
    "service: decisions",
    `machine: ${vm.host}`,
    `image: ${appImage(tag)}`,
    "ready: /health",
    `env: ${all}`,
    "requests: {share: 100}",
  ];
  await vm.write("dray.yaml", [...lines, ...(rollout === "" ? [] : [`rollout: ${rollout}`]), ""].join("\n"));
  return ["deploy"];
}

async function version(): Promise<string> {
  return ((await (await fetch(`http://${vm.address}/`)).json()) as { version: string }).version;
}

beforeAll(async () => {
  [vm, browser] = await Promise.all([startVm(), openChromium()]);
  for (const tag of ["1", "2"]) {
    const { code, stderr } = await vm.dray(...(await release(tag)));
    if (code !== 0) throw new Error(stderr);
  }
  console_ = vm.drayRunning("console", "--allow-changes");
  const url = await console_.firstLine;
  page = await browser.newPage({ viewport: { width: 1180, height: 900 } });
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith("data:"))
      strangers.push(request.url());
  });
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(url);
  await page.getByText("Every place answers, and nothing is amiss.").waitFor();
});

afterAll(async () => {
  await browser?.close();
  console_?.kill("SIGTERM");
  await console_?.ended;
  await vm?.[Symbol.asyncDispose]();
});

const goTo = async (name: string): Promise<void> => await page.getByRole("link", { name, exact: true }).click();

test("the token is in the address no more once the page is there, and the service is shown", async () => {
  expect(page.url()).not.toMatch(/#[\w-]{20}/);
  await page.getByRole("link", { name: /decisions.*Release/ }).click();
  await page.getByRole("row", { name: /all traffic.*1\/1/ }).waitFor();
  await page.getByRole("button", { name: /Roll back to/ }).waitFor();
  expect(await brokenRules(page)).toEqual([]);
});

test("a canary that is taken back is watched while another process does it, with both releases' counts and the verdict", async () => {
  const load = startLoad(`http://${vm.address}/decisions`, 40, {}, { body: "{}", expect: '"score": 0.9' });
  const deploying = vm.dray(...(await release("1", { MODE: "error" }, CALM)));
  await goTo("Runs");
  await page
    .getByRole("row", { name: /deploy.*running/ })
    .getByRole("link")
    .click();
  await page.getByRole("heading", { name: /^Canary on .*: 50 % of the traffic$/ }).waitFor();
  await page.getByText("Verdict:").waitFor();
  expect(await page.getByText("Verdict:").locator("..").innerText()).toMatch(/answers failed/);
  await page.getByRole("list", { name: "How it is judged" }).getByText("worse", { exact: true }).waitFor();
  expect(await page.getByRole("row", { name: /^Failed/ }).innerText()).toMatch(/[1-9]\d* \(100 %\)/);
  expect((await deploying).code).toBe(7);
  await load.stop();
});

test("a rollback is done with the keyboard alone, after its plan was shown", async () => {
  expect(await version()).toBe("2");
  await tabTo(page, "Service");
  await page.keyboard.press("Enter");
  await page
    .getByRole("button", { name: /Roll back to/ })
    .first()
    .waitFor();
  await tabTo(page, /^Roll back to/);
  await page.keyboard.press("Enter");
  await page.getByText(/^dray rollback|dray rollback \w+ --file dray.yaml/).waitFor();
  await page.getByRole("button", { name: "Roll back", exact: true }).and(page.locator(":enabled")).waitFor();
  expect(await brokenRules(page)).toEqual([]);
  await tabTo(page, "Roll back");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /has the traffic/ }).waitFor();
  await tabTo(page, "Close");
  await page.keyboard.press("Enter");
  expect(await version()).toBe("1");
});

test("a request of the log is sent once more, to one release past the traffic, and both answers are compared", async () => {
  await goTo("Requests");
  await page
    .getByRole("button", { name: /^Replay / })
    .first()
    .click();
  const to = page.getByRole("combobox", { name: "Sent to" });
  const live = await to.locator("option", { hasText: "(100 %)" }).getAttribute("value");
  await to.selectOption(live);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText(/^(the same answer as|another answer than)$/).waitFor();
  expect(await page.getByText(`--release ${live}`).count()).toBeGreaterThan(0);
});

test("to a release that is kept and stopped nothing is sent: it is said at once", async () => {
  const to = page.getByRole("combobox", { name: "Sent to" });
  // By its text: the choice of where clients call has no share either.
  await to.selectOption(await to.locator("option", { hasText: /^[0-9a-z]{8}$/ }).innerText());
  await page.getByRole("button", { name: "Send" }).click();
  expect(await page.getByRole("alert").innerText()).toMatch(/none of its replicas runs.*release\.stopped/);
});

test("HTML that an API writes to its log is text on the page", async () => {
  const write = `for each in $(docker ps -q --filter label=dray.role=replica); do docker exec -u 0 $each sh -c 'echo "$1" > /proc/1/fd/1' sh "$1"; done`;
  await vm.inside("sh", "-c", write, "sh", PLANTED);
  await goTo("Logs");
  await page.getByText(PLANTED).first().waitFor();
  expect(await page.locator("img").count()).toBe(0);
  expect(await page.title()).toContain("Drayage");
});

test("a broken way is drawn, with why and the fix", async () => {
  await vm.inside("docker", "stop", "dray-edge");
  await goTo("Trace");
  await page.locator(".banner.bad").waitFor();
  expect(await page.locator(".hop.broken .title").innerText()).toMatch(/edge|port/);
  await page.getByRole("button", { name: /^Copy the fix/ }).waitFor();
  await mkdir(".dray", { recursive: true });
  await page.screenshot({ path: ".dray/console-trace.png" });
  await vm.inside("docker", "start", "dray-edge");
});

test("nothing came from anywhere else, nothing was refused or thrown in the page, and it fits a narrow window", async () => {
  await page.setViewportSize({ width: 400, height: 800 });
  for (const name of ["Overview", "decisions", "Runs", "Trace", "Try it", "Requests", "Logs", "Drift", "Keys"]) {
    await goTo(name);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), name).toBeLessThanOrEqual(0);
  }
  expect(strangers).toEqual([]);
  expect(problems).toEqual([]);
});
