import { expect, test } from "vitest";
import { appImage } from "../world/images.ts";
import { startLoad } from "../world/load.ts";
import { startVm } from "../world/vm.ts";

test(
  "10 deploys and 5 rollbacks at 300 requests/s, a 30 s request and a stream in flight: 0 failed, 0 cut",
  { timeout: 600_000 },
  async () => {
    await using vm = await startVm();
    const at = ["--machine", vm.host, "--service", "decisions"];
    const first = await vm.dray("deploy", appImage("1"), ...at);
    expect(first.code, first.stderr).toBe(0);
    const base = `http://${vm.address}`;
    const load = startLoad(`${base}/`, 300);
    const slow = fetch(`${base}/slow?s=30`).then((answer) => answer.text());
    const stream = fetch(`${base}/stream?s=30`).then((answer) => answer.text());
    for (let round = 0; round < 5; round++) {
      for (const command of [["deploy", appImage("2")], ["rollback"], ["deploy", appImage("1")]]) {
        const ended = await vm.dray(...command, ...at);
        expect(ended.code, ended.stderr).toBe(0);
      }
    }
    expect(await slow).toContain("hello");
    expect((await stream).match(/data: /g)).toHaveLength(60);
    const met = await load.stop();
    expect(met.problems).toEqual([]);
    expect(met.failed).toBe(0);
    expect(met.sent).toBeGreaterThan(3000);
    expect(met.releases.size).toBeGreaterThanOrEqual(11);
  },
);
