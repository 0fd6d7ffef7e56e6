import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startVm } from "../world/vm.ts";

const COLLECT = fileURLToPath(new URL("../world/collect.mjs", import.meta.url));
const READY_S = 5;
/** To look why, to take back what was done, and to end. */
const MARGIN_MS = 5000;

test("an API that never gets ready ends the deploy in time, while garbage is collected all the time", async () => {
  await using vm = await startVm();
  const manifest = (tag: string): string =>
    `service: decisions\nmachine: ${vm.host}\nimage: ${appImage(tag)}\nready: /health\nlimits: {ready: ${READY_S}s}\n`;
  await vm.write("dray.yaml", manifest("1"));
  const first = await vm.dray("deploy");
  expect(first.code, first.stderr).toBe(0);
  await vm.write("dray.yaml", manifest("never-ready"));
  for (let round = 1; round <= 2; round++) {
    const ended = await vm.drayWith({ NODE_OPTIONS: `--import ${COLLECT}` }, "deploy", "--json");
    const endedAt = Date.now();
    expect(ended.code, ended.stderr).toBe(1);
    expect(ended.stdout).toContain("release.not-ready");
    expect(endedAt - provingSince(ended.stderr), ended.stderr).toBeLessThan(READY_S * 1000 + MARGIN_MS);
  }
  expect(await (await fetch(`http://${vm.address}/`)).json()).toMatchObject({ version: "1" });
});

/** When the release began to be asked whether it is ready, as the events tell; in milliseconds since 1970. */
function provingSince(events: string): number {
  interface Event {
    type: string;
    step?: string;
    at: string;
  }
  const all = events.split("\n").flatMap((line): Event[] => (line.startsWith("{") ? [JSON.parse(line) as Event] : []));
  return Date.parse(all.find(({ type, step }) => type === "step.started" && step === "prove")?.at ?? "");
}
