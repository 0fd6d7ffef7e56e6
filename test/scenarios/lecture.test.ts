import { expect, test } from "vitest";
import type { ComparedRow } from "../../packages/dray/src/core/compare.ts";
import { REGISTRY_HOST } from "../world/google/artifacts.ts";
import { startGoogle } from "../world/google/google.ts";
import { openLaptop } from "../world/google/laptop.ts";
import { appImage, must } from "../world/images.ts";

test("the lecture from end to end: a VM, Artifact Registry, the external address; the same manifest on Vertex AI; compared; nothing left", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  const { artifacts, compute, vertex, project } = google;
  artifacts.rights.set(`${project}/models`, ["pull", "push"]);
  const registry = `${REGISTRY_HOST}/${project}/models`;
  const said: string[] = [];
  const dray = async (...argv: string[]): Promise<string> => {
    const ended = await laptop.dray(...argv);
    said.push(ended.stdout, ended.stderr);
    expect(ended.code, `dray ${argv.join(" ")}\n${ended.stdout}${ended.stderr}`).toBe(0);
    return ended.stdout;
  };

  const made = await dray("machine", "create", "jkowalski-vm", "--type", "e2-small", "-y");
  const [, ssh = ""] = /machine: (\S+) in dray\.yaml/.exec(made) ?? [];
  const [, address = ""] = ssh.split("@");
  const manifest = `service: decisions\nmachine: ${ssh}\nready: /health\ntls: off\nregistry: ${registry}\nrollout: {canary: [10], every: 3s, minimum: 10}\n`;
  await laptop.write(
    "golden.json",
    JSON.stringify([{ request: { method: "POST", path: "/decisions", body: {} }, expect: { status: 200 } }]),
  );
  await laptop.write("dray.yaml", `${manifest}image: ${appImage("1")}\n`);
  await dray("push");
  expect(await dray("deploy", "-y")).toContain(`serves at http://${address}`);
  expect((await fetch(`http://${address}/`)).status).toBe(200);
  expect((await fetch(`http://${address}/docs`)).status).toBe(200);
  expect(await dray("request")).toContain("-> 200");

  const first = await dray("deploy", "--target", "vertex", "-y");
  expect(first).toContain("prediction.vertexai.goog");
  expect(await dray("request", "--target", "vertex")).toContain("POST -> 200");
  await laptop.write("dray.yaml", `${manifest}image: ${appImage("2")}\n`);
  await dray("deploy", "--target", "vertex", "-y");
  await dray("rollback", "--target", "vertex", "-y");
  expect(await dray("request", "--target", "vertex")).toContain('"version": "1"');

  const compared = JSON.parse(await dray("compare", "--measure", "--count", "20", "--json")) as { rows: ComparedRow[] };
  const latency = compared.rows.find(({ what }) => what.startsWith("p50"));
  expect(latency?.cells.drayage).toMatch(/^[\d.]+ and [\d.]+ ms, 0 failed$/);
  expect(latency?.cells.vertex).toMatch(/^[\d.]+ and [\d.]+ ms, 0 failed$/);
  const open = compared.rows.find(({ what }) => what.startsWith("without a key"));
  expect(open?.cells).toMatchObject({ drayage: "200: open to everybody", vertex: "401: refused" });
  expect(
    compared.rows.every(({ known }) => Object.values(known).every(({ source, asOf }) => source !== "" && asOf !== "")),
  ).toBe(true);

  await dray("remove", "--target", "vertex", "-y");
  await dray("remove", "-y");
  await dray("machine", "rm", "jkowalski-vm", "-y");
  expect([compute.instances.size, compute.addresses.size, vertex.endpoints.size, vertex.models.size]).toEqual([
    0, 0, 0, 0,
  ]);
  expect([...compute.firewalls.keys()]).toEqual(["default-allow-ssh"]);
  expect(google.rejected).toEqual([]);
  expect(said.join("\n")).not.toContain(google.token);
  // In no request but its header; in no file here or in the cache of blobs.
  expect(JSON.stringify(google.changes) + google.seen.join("\n")).not.toContain(google.token);
  const cache = laptop.env["DRAY_CACHE"] ?? "";
  expect(await must(["sh", "-c", `grep -rls '${google.token}' ${laptop.folder} ${cache} || true`])).toBe("");
});
