import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startVm } from "../world/vm.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/decisions-fastapi", import.meta.url));

test(
  "the FastAPI example is built from its Dockerfile, deployed, and gives its golden answer",
  { timeout: 600_000 },
  async () => {
    await using vm = await startVm();
    await cp(EXAMPLE, vm.folder, { recursive: true });
    const manifest = await readFile(path.join(EXAMPLE, "dray.yaml"), "utf8");
    await vm.write("dray.yaml", manifest.replace(/^machine: .*$/m, `machine: ${vm.host}`));
    const deployed = await vm.dray("deploy");
    expect(deployed.code, deployed.stderr).toBe(0);
    const asked = await vm.dray("request");
    expect(asked.code, asked.stderr).toBe(0);
    expect((await fetch(`http://${vm.address}/docs`)).status).toBe(200);
  },
);
