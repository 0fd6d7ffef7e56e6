import { expect, test } from "vitest";
import type { Release } from "../../../core/release.ts";
import { EMPTY_STATE } from "../../../edge/state.ts";
import { movable } from "../plan/movable.ts";
import { withAddresses } from "./move.ts";
import type { SeenContainer } from "../plan/observe.ts";
import { withRelease } from "./switch.ts";
import { releaseOf } from "../../../../../../test/contract/releases.ts";

const release = (service: string): Release => releaseOf("r1", {}, { service });
const at = (name: string, address: string): { container: string; address: string; port: number } => ({
  container: name,
  address,
  port: 8080,
});
const container = (service: string, name: string, networks: string[], address = "172.30.80.20"): SeenContainer => ({
  id: name,
  name,
  running: true,
  role: "replica",
  service,
  address,
  networks,
});
const state = withRelease(
  withRelease(EMPTY_STATE, { release: release("a"), replicas: [at("a1", "172.30.80.20")], deployedAt: "" }),
  { release: release("b"), replicas: [at("b1", "172.30.80.21")], deployedAt: "" },
);

test("what requests find in the network of all services is moved: whosever it is, and nothing twice", () => {
  const old = [container("a", "a1", ["dray"]), container("b", "b1", ["dray"], "172.30.80.21")];
  expect([...movable({ state, containers: old }).keys()]).toEqual(["a", "b"]);
  const edge = { ...container("a", "dray-edge", ["dray", "dray.a"]), role: "edge" };
  const { service: _none, ...nobodys } = edge;
  const fresh = [container("a", "a1", ["dray.a"]), nobodys, container("a", "a-stray", ["dray"])];
  expect(movable({ state, containers: fresh }).size).toBe(0);
  // Half way: requests go to the new address already, and something still uses the old one.
  const moved = withAddresses(state, "a", new Map([["a1", { from: "172.30.80.20", to: "172.30.96.20" }]]));
  expect([...movable({ state: moved, containers: old }).keys()]).toEqual(["b"]);
});

test("a moved replica has its new address in the state, and no other replica has", () => {
  const moved = withAddresses(state, "a", new Map([["a1", { from: "172.30.80.20", to: "172.30.96.20" }]]));
  expect(moved.services["a"]?.releases[0]?.replicas).toEqual([at("a1", "172.30.96.20")]);
  expect(moved.services["b"]).toEqual(state.services["b"]);
  // Somebody else has moved it meanwhile.
  const other = withAddresses(moved, "a", new Map([["a1", { from: "172.30.80.20", to: "172.30.96.99" }]]));
  expect(other).toEqual(moved);
});
