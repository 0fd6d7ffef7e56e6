import { expect, test } from "vitest";
import { planMachine, type SeenInCloud } from "./plan.ts";
import { ruleBody, type Firewall, type Instance } from "./resources.ts";

const wish = {
  name: "my-vm",
  zone: "us-central1-a",
  type: "e2-small",
  diskGb: 20,
  system: "debian-12",
  login: { user: "me", key: "ssh-ed25519 AAAA me" },
  onHostKeys: () => Promise.resolve(),
};
const address = { name: "my-vm", address: "203.0.113.7", status: "IN_USE" as const, labels: { drayage: "my-vm" } };
const instance: Instance = {
  name: "my-vm",
  status: "RUNNING",
  zone: "https://x/zones/us-central1-a",
  machineType: "https://x/machineTypes/e2-small",
  labels: { drayage: "my-vm" },
};
const all: SeenInCloud = { address, rule: ruleBody() as Firewall, instance };

const kinds = (seen: SeenInCloud): string[] =>
  planMachine(wish, seen).stages.flatMap(({ steps }) => steps.map(({ kind }) => kind));

test.each<[string, Partial<SeenInCloud>, string[]]>([
  [
    "nothing is there",
    { address: undefined, rule: undefined, instance: undefined },
    ["address", "firewall", "instance", "boot", "docker"],
  ],
  ["killed after the address", { rule: undefined, instance: undefined }, ["firewall", "instance", "boot", "docker"]],
  ["killed while it booted", {}, ["boot", "docker"]],
  ["stopped", { instance: { ...instance, status: "TERMINATED" } }, ["start", "boot", "docker"]],
])("what is missing of a machine is done: %s", (_case, seen, expected) => {
  expect(kinds({ ...all, ...seen })).toEqual(expected);
});

test.each<[string, Partial<SeenInCloud>]>([
  ["machine", { instance: { ...instance, labels: {} } }],
  ["address", { address: { ...address, labels: {} } }],
  ["firewall rule", { rule: { name: "drayage-web", description: "mine" } }],
])("somebody else's %s is left alone", (what, seen) => {
  expect(() => planMachine(wish, { ...all, ...seen })).toThrow(new RegExp(`there is a.* ${what} `));
});

test("what was made is taken back when a later part fails, but a machine that runs stays for the next try", () => {
  const { stages } = planMachine(wish, { address: undefined, rule: undefined, instance: undefined });
  expect(stages.map(({ onFailure }) => onFailure)).toEqual(["undo", "undo", "stop", "stop"]);
});
