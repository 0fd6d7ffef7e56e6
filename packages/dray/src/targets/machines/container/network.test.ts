import { expect, test } from "vitest";
import { Engine } from "../../../machine/engine.ts";
import { KEEPER_NETWORK, freeAddress, makeNetwork, NETWORK, networkOf } from "./network.ts";

const settings = { replicas: 1, env: {}, secrets: [], limits: { timeoutMs: 1, readyMs: 1, drainMs: 1 } };
const named = (service: string, metadata?: boolean): string =>
  networkOf({ service, settings: { ...settings, ...(metadata === undefined ? {} : { metadata }) } });

test("every network of ours sorts behind the edge's, whose default route and ports must stay where they are", () => {
  const all = [KEEPER_NETWORK, named("a", false), named("a-b", true), named("zebra")];
  expect(all.every((name) => name > NETWORK)).toBe(true);
  // The keeper reaches the world through its own, too.
  expect([named("a", false), named("-"), named("a", true)].every((name) => name > KEEPER_NETWORK)).toBe(true);
});

test("the cloud's metadata is open to who asked for it, and to a release of a dray that did not know the question", () => {
  expect([named("a", false), named("a", true), named("a")]).toEqual(["dray.a", "dray.a.metadata", "dray.a.metadata"]);
});

/** An engine with networks, which refuses what overlaps with `secret`, too. */
class Networks extends Engine {
  readonly made: string[] = [];
  readonly #subnets: string[];
  constructor(subnets: string[]) {
    super(() => Promise.reject(new Error("no engine")));
    this.#subnets = subnets;
  }
  override get<T>(): Promise<T> {
    return Promise.resolve(this.#subnets.map((Subnet) => ({ Name: "x", IPAM: { Config: [{ Subnet }] } })) as T);
  }
  override post<T>(_path: string, { body }: { body?: unknown }): Promise<T> {
    this.made.push((body as { IPAM: { Config: { Subnet: string }[] } }).IPAM.Config[0]?.Subnet ?? "");
    return Promise.resolve(undefined as T);
  }
}

test("a service's network avoids what another network of the machine has, whichever is the larger", async () => {
  const { signal } = new AbortController();
  const engine = new Networks(["172.30.96.0/22", "172.30.100.0/24", "172.30.104.0/21", "fd00::/64", ""]);
  expect(await makeNetwork(engine, "dray.a", signal)).toBe("172.30.112.0/22");
  const full = new Networks(["172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16"]);
  await expect(makeNetwork(full, "dray.a", signal)).rejects.toMatchObject({ code: "machine.no-network" });
  expect(full.made).toEqual([]);
});

test("a free address is one of the network's, and none that is taken; a full one says so", () => {
  const taken = new Set<string>();
  for (let count = 0; count < 500; count++) taken.add(freeAddress("172.30.96.0/22", taken));
  expect(taken.size).toBe(500);
  for (const address of taken) expect(address).toMatch(/^172\.30\.9[6-9]\.(1[6-9]|[2-9]\d|1\d\d|2[0-4]\d)$/);
  const all = new Set(Array.from({ length: 256 }, (_, last) => `10.0.0.${last}`));
  expect(() => freeAddress("10.0.0.0/24", all)).toThrow("taken");
});
