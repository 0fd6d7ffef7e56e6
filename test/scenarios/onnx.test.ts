import { cp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startVm } from "../world/vm.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/decisions-onnx", import.meta.url));

interface Deployed {
  outcomes: { release: string; bytesSent: number }[];
}

test("a model file becomes an API on a machine: no Dockerfile, no registry, no root", async () => {
  await using vm = await startVm();
  const ok = async (...argv: string[]): Promise<string> => {
    const ended = await vm.dray(...argv);
    expect(ended.code, ended.stderr).toBe(0);
    return ended.stdout;
  };
  await cp(path.join(EXAMPLE, "model.onnx"), path.join(vm.folder, "model.onnx"));
  const init = ["init", "--model", "model.onnx", "--machine", vm.host, "--service", "loans", "--json"];
  const { written, key } = JSON.parse(await ok(...init)) as { written: string[]; key: string };
  expect(written).toEqual(["dray.yaml", "schema.yaml", "golden.json"]);
  const first = JSON.parse(await ok("deploy", "--json")) as Deployed;
  expect(first.outcomes[0]?.bytesSent).toBeLessThan(75e6);
  expect(await ok("request")).toContain('"label"');

  const container = `dray-loans-${first.outcomes[0]?.release}-1`;
  const [user, readOnly] = (
    await vm.inside("docker", "inspect", container, "-f", "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}")
  ).split(" ");
  expect([user, readOnly]).toEqual(["65532:65532", "true"]);

  // The example's own schema: the model layer changes, nothing else travels.
  await cp(path.join(EXAMPLE, "schema.yaml"), path.join(vm.folder, "schema.yaml"));
  await cp(path.join(EXAMPLE, "golden.json"), path.join(vm.folder, "golden.json"));
  const second = JSON.parse(await ok("deploy", "--json", "--wait")) as Deployed;
  expect(second.outcomes[0]?.bytesSent).toBeLessThan(100_000);
  const { rows, approve } = JSON.parse(await readFile(path.join(EXAMPLE, "expected.json"), "utf8")) as {
    rows: object[];
    approve: number[];
  };
  const answer = await fetch(`http://${vm.address}/decisions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify(rows),
  });
  const decisions = (await answer.json()) as { score: number }[];
  expect(Math.max(...decisions.map(({ score }, index) => Math.abs(score - (approve[index] ?? 9))))).toBeLessThan(1e-5);
  expect((await fetch(`http://${vm.address}/docs`)).status).toBe(200);
  expect(answer.headers.get("x-request-id")).toBeTruthy();
  // Retired by SIGTERM, it finished and said so.
  expect(await vm.inside("docker", "inspect", container, "-f", "{{.State.ExitCode}}")).toBe("0");

  // The same files give the same image.
  const again = JSON.parse(await ok("deploy", "--json")) as Deployed;
  expect(again.outcomes[0]?.bytesSent).toBeLessThan(20_000);

  await vm.write("model.onnx", "no model at all");
  const bad = await vm.dray("deploy");
  expect(bad.stderr).toContain("[image.bad-model]");
  await rm(path.join(vm.folder, "model.onnx"));
  expect((await vm.dray("deploy")).stderr).toContain("[image.no-model]");
  expect((await fetch(`http://${vm.address}/health/ready`)).status).toBe(200);
});

test("dray serve runs the same API here, and reloads", async () => {
  await using vm = await startVm();
  await cp(EXAMPLE, vm.folder, { recursive: true });
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const serving = vm.drayRunning("serve", "--port", String(port));
  const title = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`).catch(() => undefined);
    return answer?.ok === true ? ((await answer.json()) as { info: { title: string } }).info.title : "";
  };
  const becomes = async (wanted: string): Promise<void> => {
    for (let attempt = 0; attempt < 100 && (await title()) !== wanted; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await title()).toBe(wanted);
  };
  try {
    await becomes("Loan decisions");
    const schema = await readFile(path.join(vm.folder, "schema.yaml"), "utf8");
    await vm.write("schema.yaml", schema.replace("Loan decisions", "Other decisions"));
    await becomes("Other decisions");
    // What cannot be loaded leaves the old one serving.
    await vm.write("schema.yaml", "features: [{name: nothing}]\n");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await becomes("Other decisions");
  } finally {
    serving.kill("SIGINT");
  }
  expect((await serving.ended).code).toBe(0);
});
