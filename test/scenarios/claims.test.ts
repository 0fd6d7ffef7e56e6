import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { APIS_IMAGE, appImage } from "../world/images.ts";
import { lastWords, predictionOf, type Traced } from "../world/said.ts";
import { startVm, type Vm } from "../world/vm.ts";

const TABLE = fileURLToPath(new URL("../fixtures/small-apis.json", import.meta.url));

/** What is said of one small API, word for word, but for the machine's name, its address, and times. */
interface Row {
  name: string;
  /** Of test/world/images/apis.py. */
  api: string;
  /** Keys of the manifest beside service, machine, image and env. */
  manifest: object;
  deploy: { code: number; says: string[] };
  trace: { code: number; prediction: string; says: string[] };
}

const rows = JSON.parse(await readFile(TABLE, "utf8")) as Row[];

let vm: Vm;
beforeAll(async () => {
  vm = await startVm();
});
afterAll(async () => {
  await vm[Symbol.asyncDispose]();
});

const manifestOf = (row: Row): string =>
  JSON.stringify({ service: "api", machine: vm.host, image: APIS_IMAGE, env: { API: row.api }, ...row.manifest });

test.each(rows)("$name: what deploy and trace say of it is true", async (row) => {
  await vm.write("dray.yaml", manifestOf(row));
  const deployed = await vm.dray("deploy", "--yes");
  const drawn = await vm.dray("trace");
  const traced = JSON.parse((await vm.dray("trace", "--json")).stdout) as Traced;
  const found: Pick<Row, "deploy" | "trace"> = {
    deploy: { code: deployed.code, says: lastWords(deployed.stderr, /^this computer|^error/, vm) },
    trace: {
      code: drawn.code,
      prediction: predictionOf(traced),
      says: lastWords(drawn.stdout, /^broken at|^reached|^slow at|^not reached/, vm),
    },
  };
  await vm.dray("remove", "--yes");
  expect(found, deployed.stderr + drawn.stdout).toEqual({ deploy: row.deploy, trace: row.trace });
});

test("without a golden request the API's own example is sent, and kept where that is asked for", async () => {
  const name = "FastAPI with an example";
  const row = rows.find((each) => each.name === name);
  if (row === undefined) throw new Error(`the table has no ${name}`);
  await vm.write("dray.yaml", manifestOf(row));
  expect((await vm.dray("deploy", "--yes")).code).toBe(0);
  const asked = await vm.dray("request");
  expect(asked.code, asked.stderr).toBe(0);
  expect(asked.stdout).toMatch(/^POST .*\/predict -> 200/);
  expect(asked.stderr).toContain("the API's own example of POST /predict");
  const kept = await vm.dray("golden", "record");
  expect(kept.code, kept.stderr).toBe(0);
  expect(JSON.parse(await readFile(`${vm.folder}/golden.json`, "utf8"))).toMatchObject([
    { request: { method: "POST", path: "/predict", body: { income: 52.5, years: 4 } }, expect: { status: 200 } },
  ]);
  await rm(`${vm.folder}/golden.json`);
  await rm(`${vm.folder}/dray.yaml`);
  // The same of an API that runs already, before there is a manifest.
  const made = await vm.dray("init", "api:1", "--url", `http://${vm.address}`, "--machine", vm.host);
  expect(made.code, made.stderr).toBe(0);
  expect(made.stdout).toContain("wrote dray.yaml, golden.json");
  await vm.write("dray.yaml", manifestOf(row));
  expect((await vm.dray("request")).stdout).toMatch(/^POST .*\/predict -> 200/);
  await rm(`${vm.folder}/golden.json`);
  await vm.dray("remove", "--yes");
});

test("a plan needs the value of no secret", async () => {
  const secret = { env: "NOT_SET_HERE" };
  const service = { service: "api", machine: vm.host, image: APIS_IMAGE, env: { API: "flask" } };
  const secrets = { secrets: { PASSWORD: secret }, keys: { partners: secret }, alerts: { webhook: secret } };
  await vm.write("dray.yaml", JSON.stringify({ ...service, ...secrets }));
  const planned = await vm.dray("plan");
  expect(planned.code, planned.stderr).toBe(0);
  expect(planned.stdout).toContain("hand over a secret");
  expect((await vm.dray("deploy", "--dry-run")).code).toBe(0);
  expect((await vm.dray("deploy", "--yes")).stderr).toContain("[manifest.secret-missing]");
});

test("of two ports the one that answers the golden request is published; without one nobody guesses", async () => {
  await vm.write("Dockerfile", `FROM ${APIS_IMAGE}\nEXPOSE 8081\n`);
  const service = { service: "api", machine: vm.host, build: ".", env: { API: "two-ports" } };
  await vm.write("dray.yaml", JSON.stringify(service));
  const refused = await vm.dray("deploy", "--yes");
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain("[image.several-ports]");
  expect(refused.stderr).toContain("8081 answers HTTP");
  expect(refused.stderr).toContain("port: 8080");
  const golden = [{ request: { path: "/predict", body: {} }, expect: { body: { label: "approve" } } }];
  await vm.write("golden.json", JSON.stringify(golden));
  const deployed = await vm.dray("deploy", "--yes");
  expect(deployed.code, deployed.stderr).toBe(0);
  expect((await fetch(`http://${vm.address}/`)).status).toBe(404);
  expect((await vm.dray("request")).stdout).toContain("approve");
  await rm(`${vm.folder}/golden.json`);
  await vm.dray("remove", "--yes");
});

test("a release that refuses what the old one answered is taken back, though no rule says which answer is right", async () => {
  const rollout = { canary: [50], every: "2s" };
  const write = (release: object): Promise<void> =>
    vm.write("dray.yaml", JSON.stringify({ service: "api", machine: vm.host, rollout, ...release }));
  await write({ image: appImage("1") });
  expect((await vm.dray("deploy", "--yes")).code).toBe(0);
  await write({ image: APIS_IMAGE, env: { API: "post-only" } });
  const taken = await vm.dray("deploy", "--yes");
  expect(taken.code, taken.stderr).toBe(7);
  expect(taken.stderr).toMatch(/100 % of \d+ answers were 404, of the old release's 0 %/);
  expect((await fetch(`http://${vm.address}/`)).status).toBe(200);
  await vm.dray("remove", "--yes");
});
