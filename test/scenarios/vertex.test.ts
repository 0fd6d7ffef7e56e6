import { expect, test } from "vitest";
import { REGISTRY_HOST } from "../world/google/artifacts.ts";
import { type Google, startGoogle } from "../world/google/google.ts";
import { type Laptop, openLaptop } from "../world/google/laptop.ts";
import { appImage } from "../world/images.ts";

const GOLDEN = [{ request: { method: "POST", path: "/decisions", body: {} }, expect: { status: 200 } }];

interface Row {
  release: string;
  state: string;
  share: number;
}

async function prepare(google: Google, laptop: Laptop, image: string, more: string = ""): Promise<void> {
  google.artifacts.rights.set(`${google.project}/models`, ["pull", "push"]);
  await laptop.write("golden.json", JSON.stringify(GOLDEN));
  await laptop.write(
    "dray.yaml",
    `service: decisions\ntarget: vertex\nimage: ${appImage(image)}\nready: /health\nregistry: ${REGISTRY_HOST}/${google.project}/models\n${more}`,
  );
}

const rows = async (laptop: Laptop): Promise<Row[]> =>
  (await laptop.json<{ releases: Row[] }[]>("status"))[0]?.releases ?? [];

test("the lecture's image runs on Vertex AI: deployed, called, replaced by a canary, taken back, and removed whole", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  // With KEYED the API says who came without a key: a line in its log, and proof that `env` arrives.
  await prepare(google, laptop, "1", "env: {KEYED: nobody}\n");
  const plan = await laptop.dray("plan");
  expect(plan.stdout).toContain("deploy it on 1 x n1-standard-2");
  expect(plan.stdout).toMatch(/It costs about \$79\.75 a month, called or not/);
  expect(google.vertex.models.size).toBe(0);
  const first = await laptop.json<{ release: string; url: string }>("deploy");
  expect(first.url).toMatch(
    /^https:\/\/\d+\.us-central1-1\.prediction\.vertexai\.goog\/v1\/projects\/drayage-test\/.*:rawPredict$/,
  );
  const called = await laptop.json<{ status: number; release: string }[]>("request");
  expect(called).toMatchObject([{ status: 200, release: first.release }]);
  expect(await rows(laptop)).toMatchObject([{ release: first.release, state: "traffic", share: 100 }]);

  await prepare(google, laptop, "2", "rollout: {canary: [10], every: 3s, minimum: 10}\n");
  const second = await laptop.dray("deploy");
  expect(second.code, second.stderr).toBe(0);
  expect(second.stderr).toMatch(/watch it with 10 % \(3[\d.]*s, \d+ answers, 0 failed\)/);
  expect(second.stderr).toMatch(
    new RegExp(`${first.release} stays deployed for a rollback in seconds, and is paid for`),
  );
  const [standby, live] = await rows(laptop);
  expect([standby, live]).toMatchObject([
    { release: first.release, state: "standby", share: 0 },
    { state: "traffic", share: 100 },
  ]);
  expect((await laptop.dray("logs")).stdout).toContain("UNAUTHENTICATED '/decisions'");

  const before = google.seen.length;
  const back = await laptop.dray("rollback");
  expect(back.code, back.stderr).toBe(0);
  // Nothing but a change of shares.
  expect(google.seen.slice(before).filter((name) => !name.startsWith("GET"))).toEqual([
    expect.stringMatching(/^PATCH .*\/endpoints\/\d+$/),
  ]);
  expect(await laptop.json("request")).toMatchObject([{ release: first.release }]);

  expect((await laptop.dray("trace")).stdout).toMatch(/✓ prediction +200 after/);
  const declined = await laptop.dray("remove");
  expect(declined.code).not.toBe(0);
  const gone = await laptop.dray("remove", "-y");
  expect(gone.code, gone.stderr).toBe(0);
  expect([google.vertex.endpoints.size, google.vertex.models.size]).toEqual([0, 0]);
  expect((await laptop.dray("status")).stdout).toContain("nothing is deployed: nothing is billed");
  const lost = await laptop.dray("trace");
  expect([lost.code, lost.stdout]).toEqual([
    1,
    expect.stringMatching(
      /broken at endpoint: .*never deployed there, or was removed\nfix: dray deploy --target vertex/,
    ),
  ]);
  expect(google.rejected).toEqual([]);
  expect(second.stdout + second.stderr + back.stderr).not.toContain(google.token);
});

test("what does not come up, answers wrong or is worse leaves the old release as it was, and nothing that is billed", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  await prepare(google, laptop, "crash");
  const crashed = await laptop.dray("deploy");
  expect(crashed.stderr).toMatch(
    /\[release\.not-ready\] the container did not become ready on Vertex AI: Model server of decisions exited/,
  );
  expect([google.vertex.endpoints.size, google.vertex.models.size]).toEqual([0, 0]);

  await prepare(google, laptop, "never-ready");
  const never = await laptop.dray("deploy");
  expect(never.stderr).toMatch(/\[release\.not-ready\] .*never became ready within the deployment timeout/);
  expect([google.vertex.endpoints.size, google.vertex.models.size]).toEqual([0, 0]);

  await prepare(google, laptop, "1");
  const first = await laptop.json<{ release: string }>("deploy");
  await laptop.write("golden.json", JSON.stringify([{ ...GOLDEN[0], expect: { status: 418 } }]));
  const wrong = await laptop.dray("deploy", appImage("2"));
  expect(wrong.stderr).toContain("[release.golden-wrong]");
  expect(await rows(laptop)).toMatchObject([{ release: first.release, share: 100 }]);
  expect(google.vertex.models.get("decisions")).toHaveLength(1);

  await prepare(google, laptop, "2");
  google.vertex.nextError = {
    code: 8,
    message: "The following quota metrics exceed quota limits: aiplatform.googleapis.com/custom_model_serving_cpus",
  };
  expect((await laptop.dray("deploy")).stderr).toContain("[google.quota]");
  google.faults.push({
    when: /POST .*:deployModel$/,
    answer: [
      403,
      {
        error: {
          code: 403,
          status: "PERMISSION_DENIED",
          message:
            "Permission 'aiplatform.endpoints.deploy' denied on resource '//aiplatform.googleapis.com/x' (or it may not exist).",
        },
      },
    ],
    times: 1,
  });
  const denied = await laptop.dray("deploy");
  expect(denied.stderr).toContain("[google.denied]");
  expect(denied.stderr).toContain("--role roles/aiplatform.user");
  expect(await rows(laptop)).toMatchObject([{ release: first.release, share: 100 }]);
  expect(google.vertex.models.get("decisions")).toHaveLength(1);
  expect(google.rejected).toEqual([]);
});

test("Ctrl-C while Google deploys ends that, and takes the rest back", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  await prepare(google, laptop, "1");
  google.vertex.deployMs = 2000;
  const running = laptop.drayRunning("deploy");
  await expect
    .poll(() => google.seen.some((name) => name.endsWith(":deployModel")), { interval: 20, timeout: 30_000 })
    .toBe(true);
  running.kill("SIGINT");
  const ended = await running.ended;
  expect(ended.code, ended.stderr).toBe(130);
  expect(google.seen.some((name) => name.endsWith(":cancel"))).toBe(true);
  expect([google.vertex.endpoints.size, google.vertex.models.size]).toEqual([0, 0]);
});

test("killed while Google deploys, it is named as billed by status, and cleared away by the next deploy", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  await prepare(google, laptop, "1");
  const first = await laptop.json<{ release: string }>("deploy");
  google.vertex.deployMs = 1500;
  const running = laptop.drayRunning("deploy", appImage("2"));
  await expect
    .poll(() => google.seen.filter((name) => name.endsWith(":deployModel")).length, { interval: 20, timeout: 30_000 })
    .toBe(2);
  running.kill("SIGKILL");
  await running.ended;
  await expect
    .poll(() => rows(laptop).then((all) => all.map(({ state }) => state)), { timeout: 20_000 })
    .toEqual(["stray", "traffic"]);
  expect((await laptop.dray("status")).stdout).toMatch(
    /left by an interrupted deploy and is billed; dray deploy, or dray remove, clears it away/,
  );
  google.vertex.deployMs = 0;
  const next = await laptop.dray("deploy", appImage("2"));
  expect(next.code, next.stderr).toBe(0);
  expect(next.stderr).toContain("left by an interrupted deploy");
  expect((await rows(laptop)).filter(({ state }) => state !== "kept")).toMatchObject([
    { release: first.release, state: "standby" },
    { state: "traffic", share: 100 },
  ]);
  expect((await laptop.dray("remove", "-y")).code).toBe(0);
});

test("killed after any of its requests, the same command typed again finishes the job, and leaves nothing that is billed unnamed", async () => {
  await using google = await startGoogle();
  await using laptop = await openLaptop(google);
  await prepare(google, laptop, "1");
  // Model and endpoint are asked for side by side.
  const moments = [/POST .*models:upload$/, /:deployModel$/, /^PATCH /, /:undeployModel$/];
  for (const [index, when] of moments.entries()) {
    // Each time another image: the last of them has two releases before it, one of which is undeployed.
    const image = appImage(index % 2 === 0 ? "1" : "2");
    google.seen.length = 0;
    const running = laptop.drayRunning("deploy", image);
    await expect.poll(() => google.seen.some((name) => when.test(name)), { interval: 5, timeout: 30_000 }).toBe(true);
    running.kill("SIGKILL");
    await running.ended;
    // What Google was still at ends by itself.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const again = await laptop.dray("deploy", image);
    expect(again.code, `${when.source}\n${again.stderr}`).toBe(0);
    const found = await rows(laptop);
    expect(found.filter(({ share }) => share > 0)).toMatchObject([{ state: "traffic", share: 100 }]);
    expect(found.filter(({ state }) => state === "stray")).toEqual([]);
    expect(google.vertex.endpoints.size).toBe(1);
    expect(await laptop.json("request")).toMatchObject([{ status: 200 }]);
  }
  expect((await laptop.dray("remove", "-y")).code).toBe(0);
  expect([google.vertex.endpoints.size, google.vertex.models.size]).toEqual([0, 0]);
  expect(google.rejected).toEqual([]);
});
