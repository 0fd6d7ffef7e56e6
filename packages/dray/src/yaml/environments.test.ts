import { expect, test } from "vitest";
import { Failure } from "../base/failure.ts";
import { parseManifest } from "./load.ts";

const TWO = `service: decisions
image: my-api
limits: { memory: 1GiB, timeout: 10s }
env: { MODE: shared, LEVEL: info }
alerts: { webhook: https://hooks.example.com/a }
environments:
  staging:
    machine: ops@203.0.113.9
    limits: { timeout: 20s }
    env: { LEVEL: debug }
    alerts: null
  production:
    machines: { eu: ops@203.0.113.7, us: ops@203.0.113.8 }
    domain: api.example.com
`;

function refused(source: string, environment?: string): Failure {
  try {
    parseManifest(source, "dray.yaml", environment);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

test("an environment's values lie over those of all: maps key by key, the rest as a whole, null takes away", () => {
  const staging = parseManifest(TWO, "dray.yaml", "staging");
  expect(staging).toMatchObject({
    environment: "staging",
    machine: "ops@203.0.113.9",
    limits: { memory: 1024 ** 3, timeout: 20_000 },
    env: { MODE: "shared", LEVEL: "debug" },
  });
  expect([staging.alerts, staging.domain, staging.environments]).toEqual([undefined, undefined, undefined]);
  const production = parseManifest(TWO, "dray.yaml", "production");
  expect(production).toMatchObject({ domain: "api.example.com", env: { LEVEL: "info" } });
  expect(Object.keys(production.machines ?? {})).toEqual(["eu", "us"]);
});

test("with environments one is named, and it is one of them", () => {
  expect(refused(TWO)).toMatchObject({
    code: "manifest.environment",
    hint: "-e NAME, or DRAY_ENVIRONMENT=NAME; there are: staging, production",
    place: { line: 6 },
  });
  expect(refused(TWO, "prod").message).toBe("there is no environment prod");
  expect(refused("service: a\nmachine: vm\n", "prod").message).toContain("no environments, so there is no prod");
  expect(refused("service: a\nmachine: vm\nenvironments: {}\n", "prod").code).toBe("manifest.environment");
});

test("what is wrong in any environment is told with its place, whichever is meant", () => {
  const slip = TWO.replace("domain: api", "domian: api");
  expect(refused(slip, "staging")).toMatchObject({
    code: "manifest.unknown-key",
    hint: 'did you mean "domain"?',
    place: { line: 14, column: 5 },
  });
  const late = TWO.replace("timeout: 20s", "timeout: soon");
  expect(refused(late, "production")).toMatchObject({ code: "manifest.invalid", place: { line: 9 } });
  // A value that all environments share stands where it was written.
  const shared = TWO.replace("memory: 1GiB", "memory: lots");
  expect(refused(shared, "staging").place?.line).toBe(3);
  for (const none of ["environments: 3", "environments: {staging: vm}", "environments: {Not A Name: {}}"])
    expect(refused(`service: a\nmachine: vm\n${none}\n`, "staging").code, none).toBe("manifest.invalid");
});

test("two environments are not one service at one place", () => {
  const same = TWO.replace("203.0.113.9", "203.0.113.8");
  expect(refused(same, "staging")).toMatchObject({
    code: "manifest.environment",
    message: "staging and production are the same service at the same place",
  });
  const named = same.replace("machine: ops", "service: decisions-staging\n    machine: ops");
  expect(parseManifest(named, "dray.yaml", "staging").service).toBe("decisions-staging");
  const cloud = "service: a\ntarget: vertex\nimage: i\nenvironments: {one: {}, two: {keep: 3}}\n";
  expect(refused(cloud, "one").code).toBe("manifest.environment");
});
