// The steps of action.yml and the scripts of ci/gitlab.yml, with a dray that only says what it was asked.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { gitlabScripts, packStub, runAction, shell, startForge } from "./world/runner.ts";

const SAYING = `echo "asked: $* with $(grep -c StrictHostKeyChecking "$DRAY_SSH_CONFIG")"
[ -z "$SLOW" ] || { trap 'echo "taken back"; exit 130' INT; echo begun; sleep 20 & wait; }
`;

/** Packed once for all tests: npm is slow. */
const stub = await mkdtemp(path.join(tmpdir(), "dray-stub-"));
await writeFile(path.join(stub, "said.sh"), SAYING);
const version = await packStub({ folder: stub }, `sh ${stub}/said.sh`);
afterAll(async () => await rm(stub, { recursive: true, force: true }));
const env: NodeJS.ProcessEnv = { ...process.env, npm_config_offline: "true", NO_COLOR: "1" };

async function open(): Promise<{ folder: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-runner-"));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, "event.json"), JSON.stringify({ pull_request: { number: 7 } }));
  return { folder };
}

test("GitHub: a plan becomes one comment and a summary, a deploy a summary, and the key is gone afterwards", async () => {
  const { folder } = await open();
  const forge = await startForge();
  const github = {
    ...env,
    GITHUB_ACTIONS: "true",
    GITHUB_API_URL: forge.url,
    GITHUB_REPOSITORY: "someone/models",
    GITHUB_EVENT_PATH: path.join(folder, "event.json"),
    GITHUB_SHA: "0123abc",
  };
  const inputs = { version, "ssh-key": "the key", "known-hosts": "the hosts", token: "t0ken", arguments: "-m vm" };
  for (const said of ["posted", "renewed"]) {
    const planned = await runAction({ folder }, { ...inputs, command: "plan" }, { env: github });
    expect(planned.code, planned.said).toBe(0);
    expect(planned.said).toContain(said);
    expect(planned.summary).toContain("asked: plan -m vm with 1");
  }
  expect(forge.comments.map(({ body }) => body)).toEqual([expect.stringContaining("asked: plan -m vm with 1")]);
  const deployed = await runAction({ folder }, { ...inputs, command: "deploy" }, { env: github });
  expect(deployed.summary).toContain("asked: deploy --yes --wait -m vm with 1");
  expect([...forge.tokens]).toEqual(["Bearer t0ken"]);
  await expect(readFile(path.join(folder, "dray-ci/key"))).rejects.toThrow("ENOENT");
});

test.each([
  ["a version that is a range", { version: "^1" }, "^1 is not exact"],
  ["no known host", { "known-hosts": "" }, "known-hosts is empty"],
])("GitHub: %s is refused before anything is sent", async (_what, wrong, said) => {
  const { folder } = await open();
  const inputs = { version, "ssh-key": "the key", "known-hosts": "the hosts", command: "deploy", ...wrong };
  const ended = await runAction({ folder }, inputs, { env });
  expect(ended.code).toBe(1);
  expect(ended.said).toContain(said);
  expect(ended.said).not.toContain("asked");
});

test("GitHub: a job that is cancelled interrupts dray itself, which takes back what it has begun, and the key goes", async () => {
  const { folder } = await open();
  const inputs = { version, "ssh-key": "the key", "known-hosts": "the hosts", command: "deploy" };
  const ended = await runAction({ folder }, inputs, { env: { ...env, SLOW: "1" }, interrupt: /begun/ });
  expect(ended.code, ended.said).toBe(130);
  expect(ended.summary).toContain("taken back");
  await expect(readFile(path.join(folder, "dray-ci/key"))).rejects.toThrow("ENOENT");
});

test("GitLab: a plan becomes a note, a deploy is dray's own process, and each job's key goes with it", async () => {
  const { folder } = await open();
  const forge = await startForge();
  for (const file of ["key", "hosts"]) await writeFile(path.join(folder, file), file);
  const gitlab = {
    ...env,
    DRAY_VERSION: version,
    DRAY_SSH_KEY: path.join(folder, "key"),
    DRAY_KNOWN_HOSTS: path.join(folder, "hosts"),
    DRAY_GITLAB_TOKEN: "glpat",
    DRAY_FOLDER: ".",
    DRAY_ARGUMENTS: "-m vm",
    TMPDIR: folder,
    CI_PROJECT_DIR: folder,
    CI_API_V4_URL: forge.url,
    CI_PROJECT_ID: "1",
    CI_MERGE_REQUEST_IID: "3",
    CI_COMMIT_SHA: "0123abc",
  };
  const scripts = await gitlabScripts();
  const job = (id: string): { cwd: string; env: NodeJS.ProcessEnv } => ({
    cwd: folder,
    env: { ...gitlab, CI_JOB_ID: id },
  });
  const planned = await shell(scripts["dray-plan"], job("11"));
  expect(planned.code, planned.said).toBe(0);
  expect(forge.comments.map(({ body }) => body)).toEqual([expect.stringContaining("asked: plan -m vm with 1")]);
  const deployed = await shell(scripts["dray-deploy"], job("12"));
  expect(deployed.said).toContain("asked: deploy --yes --wait -m vm with 1");
  expect([...forge.tokens]).toEqual(["glpat"]);
  // Jobs side by side on one machine: the end of one takes its own key only.
  await shell(scripts.after, job("11"));
  expect(await readdir(folder)).not.toContain("dray-ci-11");
  expect(await readFile(path.join(folder, "dray-ci-12/key"), "utf8")).toBe("key");
});
