import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { Beside, RunAs } from "../../../core/release.ts";
import { EMPTY_STATE } from "../../../edge/state.ts";
import { companionKeys } from "../../../manifest/with.ts";
import { keeperSteps } from "../plan/keeper-steps.ts";
import type { Seen, SeenContainer } from "../plan/observe.ts";
import { planDeploy } from "../plan/plan.ts";
import type { Wish } from "../plan/steps.ts";
import { besideContainer, specOf } from "../container/with-container.ts";
import { withNotes, withSteps } from "../plan/with-plan.ts";
import { releaseOf } from "../../../../../../test/contract/releases.ts";

const said = (of: unknown): Record<string, Beside> => companionKeys.with.parse(of) ?? {};
const redis = said({ cache: { image: "redis:7", args: ["--save", 60], volumes: { data: "/data" } } });
const NETWORK = "dray.api.metadata";

const wish = (run: RunAs): Wish => {
  const release = releaseOf("r2", { run }, { service: "api" });
  return { release, source: { via: "here" }, again: false, edge: { port: 80, image: "edge" } };
};
const seen = (containers: SeenContainer[]): Seen => ({
  machine: "vm",
  architecture: "amd64",
  edge: "running",
  state: EMPTY_STATE,
  containers,
  imageStore: "layers",
  networks: {},
});
const running = (more: Partial<SeenContainer> = {}): SeenContainer => ({
  id: "1",
  name: "dray-api-with-cache",
  running: true,
  role: "with",
  service: "api",
  networks: [NETWORK],
  beside: { name: "cache", spec: specOf(redis["cache"] ?? { image: "" }) },
  ...more,
});

test("it is caged, reached by its name in the service's network alone, and writes to volumes of its own", () => {
  const beside = redis["cache"] ?? { image: "" };
  const body = besideContainer({ service: "api", network: NETWORK, name: "cache", beside });
  expect(body).toMatchObject({
    Image: "redis:7",
    Cmd: ["--save", "60"],
    HostConfig: {
      CapDrop: ["ALL"],
      RestartPolicy: { Name: "always" },
      Mounts: [{ Source: "dray-data-api-cache.data", Target: "/data", ReadOnly: false }],
    },
    NetworkingConfig: { EndpointsConfig: { [NETWORK]: { Aliases: ["cache"] } } },
  });
  expect(body).not.toHaveProperty("HostConfig.PortBindings");
  expect(body).not.toHaveProperty("Entrypoint");
});

test("its secrets come by files of its own, which are those that it names: what the engine keeps of it names them and has no value", () => {
  const { db } = said({ db: { image: "postgres:16", secrets: ["POSTGRES_PASSWORD"] } });
  const config = { Entrypoint: ["docker-entrypoint.sh"], Cmd: ["postgres"] };
  const wanted = { service: "api", network: NETWORK, name: "db", beside: db ?? { image: "" } };
  const body = besideContainer(wanted, config) as { Entrypoint: string[]; HostConfig: { Mounts: object[] } };
  expect(body.Entrypoint.slice(-2)).toEqual(["docker-entrypoint.sh", "postgres"]);
  expect(body.Entrypoint.join(" ")).toContain("for _dray_n in POSTGRES_PASSWORD;");
  expect(body).toMatchObject({ Cmd: [], Env: [] });
  expect(body.HostConfig.Mounts).toMatchObject([
    { Source: "dray-secrets-with.api.db", Target: "/run/secrets", ReadOnly: true },
    { Target: "/run/dray", ReadOnly: true },
  ]);
});

test.each<[string, SeenContainer[], boolean]>([
  ["one that is missing is started", [], true],
  ["one that stopped is started", [running({ running: false })], true],
  ["one out of the release's network is led into it", [running({ networks: ["other"] })], true],
  ["one that runs is left alone", [running()], false],
  ["also where the manifest says something else now", [running({ beside: { name: "cache", spec: "old" } })], false],
  ["another service's is none", [running({ service: "other" })], true],
])("%s", (_what, containers, started) => {
  expect(withSteps(wish({ with: redis }), seen(containers)).map(({ kind }) => kind)).toEqual(started ? ["with"] : []);
});

test("it stands before the first replica and before what runs once", () => {
  const plan = planDeploy(wish({ with: redis, before: ["migrate"] }), seen([]));
  const kinds = plan.stages.flatMap(({ steps }) => steps.map(({ kind }) => kind));
  expect(kinds.filter((kind) => ["with", "before", "start"].includes(kind))).toEqual(["with", "before", "start"]);
});

test("a plan says what a deploy leaves as it is", () => {
  const changed = seen([running({ beside: { name: "cache", spec: "old" } })]);
  expect(withNotes(wish({ with: redis }), changed)[0]).toContain("dray with restart cache");
  expect(withNotes(wish({}), seen([running()]))[0]).toContain("dray with remove cache");
  expect(withNotes(wish({ with: redis }), seen([running()]))).toEqual([]);
});

const withSecrets = said({ db: { image: "postgres:16", secrets: ["PASSWORD"] }, cache: { image: "redis:7" } });

test("one that an older dray gave all secrets of its service is named with what mends it", () => {
  // The digest that dray wrote before there were shares.
  const spec = createHash("sha256").update('{"image":"postgres:16","secrets":["PASSWORD"]}').digest("hex").slice(0, 12);
  const older = running({ beside: { name: "db", spec } });
  expect(withNotes(wish({ with: withSecrets }), seen([older]))).toEqual([
    "db sees all secrets of api, as an older dray made it: dray with restart db",
  ]);
});

test.each<[string, string[], string[] | undefined]>([
  ["has no room for what one beside it gets", ["api"], ["api", "with.api.db"]],
  ["has it", ["api", "other", "with.api.db"], undefined],
])("the keeper is made anew where it %s", (_what, keeperSecrets, secrets) => {
  const { release, ...rest } = wish({ with: withSecrets });
  const settings = { ...release.settings, secrets: ["PASSWORD", "TOKEN"] };
  const keeper = { image: "keeper", first: true };
  const state = { ...EMPTY_STATE, keeper: { certificates: {}, shadows: {}, address: "172.30.0.3" } };
  const steps = keeperSteps(
    { ...rest, release: { ...release, settings }, keeper },
    { ...seen([]), state, keeper: "keeper", keeperSecrets },
  );
  expect(steps).toMatchObject(secrets === undefined ? [] : [{ kind: "keeper", secrets }]);
});
