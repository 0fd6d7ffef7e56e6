import { expect, test } from "vitest";
import { Failure } from "../../../base/failure.ts";
import type { Release, RunAs, Settings } from "../../../core/release.ts";
import { EngineError } from "../../../machine/engine.ts";
import { onceContainer, replicaContainer } from "./container.ts";
import { bringsInit, environmentOf, explainRefusedContainer, type ProgramConfig, programOf } from "./program.ts";
import { secretsOf } from "./secrets.ts";

const release = (run: RunAs | undefined, more: Partial<Settings> = {}): Release => ({
  id: "r1",
  service: "decisions",
  image: "api:1",
  digest: `sha256:${"1".repeat(64)}`,
  settings: {
    replicas: 1,
    env: {},
    secrets: [],
    limits: { timeoutMs: 1, readyMs: 1, drainMs: 1 },
    ...(run === undefined ? {} : { run }),
    ...more,
  },
  from: { who: "me", at: "2026-01-01T00:00:00Z" },
});

const served: ProgramConfig = { Entrypoint: ["vllm", "serve"], Cmd: ["--help"] };
const plain: ProgramConfig = { Entrypoint: null, Cmd: ["python", "app.py"] };

test.each<[string, RunAs | undefined, ProgramConfig, string[] | undefined]>([
  ["nothing said: as the image says", undefined, served, undefined],
  ["arguments come after the entrypoint, instead of CMD", { args: ["m"] }, served, ["vllm", "serve", "m"]],
  ["without an entrypoint CMD is the program, and stays", { args: ["--x"] }, plain, ["python", "app.py", "--x"]],
  ["a command is all of it", { command: ["sh", "-c", "x"] }, served, ["sh", "-c", "x"]],
  ["a command with arguments", { command: ["a"], args: ["b"] }, plain, ["a", "b"]],
])("%s", (_what, run, config, argv) => {
  expect(programOf(release(run), config)).toEqual(argv === undefined ? {} : { Entrypoint: argv, Cmd: [] });
});

test("an image that names no program is refused where one is needed", () => {
  const refused = expect.objectContaining({ code: "image.no-command" });
  expect(() => programOf(release({ args: [] }), { Entrypoint: null, Cmd: null })).toThrow(refused);
  expect(() => programOf(release(undefined, { secrets: ["A"] }), {})).toThrow(refused);
});

test.each<[string, number | undefined, ProgramConfig, string | undefined]>([
  ["the port that is known", 9000, { Env: ["PORT=1"] }, "PORT=9000"],
  ["the image's own, where the port is to be found", undefined, { Env: ["PORT=5000"] }, undefined],
  [
    "the first that the image exposes",
    undefined,
    { ExposedPorts: { "53/udp": {}, "8000/tcp": {}, "9/tcp": {} } },
    "PORT=8000",
  ],
  ["8080 where nothing is said", undefined, {}, "PORT=8080"],
])("PORT is %s", (_what, port, config, wanted) => {
  const env = environmentOf(release(undefined, port === undefined ? {} : { port }), config);
  expect(env.find((each) => each.startsWith("PORT="))).toBe(wanted);
});

test("a PORT of the manifest's own is the only one", () => {
  const env = environmentOf(release(undefined, { port: 80, env: { PORT: "7" } }), {});
  expect(env.filter((each) => each.startsWith("PORT="))).toEqual(["PORT=7"]);
});

test.each([
  [["/init"], true],
  [["/package/admin/s6/command/s6-svscan", "x"], true],
  [["/lib/systemd/systemd"], true],
  [["/initialise"], false],
  [["python", "/init"], false],
])("%j brings an init: %s", (Entrypoint, brings) => {
  expect(bringsInit({ Entrypoint })).toBe(brings);
});

test("everything that the manifest says of a container reaches the engine", () => {
  const run: RunAs = {
    user: "1000:1000",
    init: false,
    runtime: "runsc",
    hosts: { "db.internal": "10.0.0.5" },
    stopSignal: "SIGQUIT",
    volumes: {
      data: { at: "/data", write: true },
      models: { at: "/models", from: "/srv/models" },
      old: { at: "/old", from: "old" },
    },
  };
  const limits = { timeoutMs: 1, readyMs: 1, drainMs: 1, shm: 7, pids: 8, nofile: 9, disk: 10 };
  const wanted = release(run, { limits, readOnly: true });
  const body = replicaContainer(wanted, {
    replica: 0,
    image: "api:1",
    address: "10.0.0.2",
    config: {},
    secrets: secretsOf(wanted),
  });
  expect(body).toMatchObject({
    User: "1000:1000",
    StopSignal: "SIGQUIT",
    HostConfig: {
      Init: false,
      Runtime: "runsc",
      ExtraHosts: ["db.internal:10.0.0.5"],
      ReadonlyRootfs: true,
      ShmSize: 7,
      PidsLimit: 8,
      Ulimits: [{ Name: "nofile", Soft: 9, Hard: 9 }],
      StorageOpt: { size: "10" },
      Mounts: [
        { Type: "volume", Source: "dray-data-decisions-data", Target: "/data", ReadOnly: false },
        { Type: "bind", Source: "/srv/models", Target: "/models", ReadOnly: true },
        { Type: "volume", Source: "old", Target: "/old", ReadOnly: true },
      ],
    },
  });
});

test.each<[RunAs, number | undefined, string, string]>([
  [{ runtime: "runsc" }, undefined, "unknown or invalid runtime name: runsc", "machine.no-runtime"],
  [{}, 1, "--storage-opt is supported only for overlay over xfs with 'pquota' mount option", "machine.no-disk-limit"],
  [{ command: ["nope"] }, undefined, 'exec: "nope": executable file not found in $PATH', "image.no-command"],
  [{ user: "app" }, undefined, "unable to find user app: no matching entries in passwd file", "image.no-user"],
])("%j, %s: the engine's %j is %s", (run, disk, said, code) => {
  const limits = { timeoutMs: 1, readyMs: 1, drainMs: 1, ...(disk === undefined ? {} : { disk }) };
  const explained = explainRefusedContainer(new EngineError(400, said), release(run, { limits }), "vm");
  expect(explained).toBeInstanceOf(Failure);
  expect(explained).toMatchObject({ code });
});

test("before: has a release's own environment, secrets and volumes, and neither its address nor its health check", () => {
  const made = release({ volumes: { data: { at: "/data" } } }, { secrets: ["KEY"], ownShell: true });
  const wanted = { image: "api:1", config: plain, secrets: secretsOf(made) };
  const body = onceContainer(made, wanted, ["migrate"]) as Record<string, unknown>;
  expect(body["Entrypoint"]).toContain("migrate");
  expect(body["Labels"]).toMatchObject({ "dray.role": "before", "dray.release": "r1" });
  expect(body["Healthcheck"]).toEqual({ Test: ["NONE"] });
  expect(JSON.stringify(body["NetworkingConfig"])).not.toContain("IPv4Address");
  expect(body["HostConfig"]).toMatchObject({
    Mounts: expect.arrayContaining([expect.objectContaining({ Target: "/data" })]),
  });
});
