import { expect, test } from "vitest";
import { EMPTY_STATE, type ServiceState } from "../../../edge/state.ts";
import { parseManifest } from "../../../yaml/load.ts";
import type { Manifest } from "../../../manifest/schema.ts";
import type { Seen } from "./observe.ts";
import { refuseOpen } from "./open-to-all.ts";

const PUBLIC = "8.8.8.8";
const PERFORM = { mode: "perform", consent: "given" } as const;

const manifest = (lines: string): Manifest => ({
  ...parseManifest(`service: decisions\nmachine: vm\n${lines}`, "dray.yaml"),
  folder: "/",
  file: "dray.yaml",
});
const seen = (service?: Partial<ServiceState>): Seen => ({
  machine: "vm",
  architecture: "amd64",
  edge: "running",
  containers: [],
  networks: {},
  imageStore: "layers",
  state: {
    ...EMPTY_STATE,
    services:
      service === undefined ? {} : { decisions: { service: "decisions", current: "", releases: [], ...service } },
  },
});
const refused = expect.objectContaining({ code: "keys.open" });

test("a service that anybody could call is refused on a public address, until somebody says that this is meant", async () => {
  const at = (lines: string, address: string, known?: Partial<ServiceState>): Promise<void> =>
    refuseOpen({ manifest: manifest(lines), seen: seen(known), address }, PERFORM);
  await expect(at("", PUBLIC)).rejects.toThrow(refused);
  await expect(at("", "2600::1")).rejects.toThrow(refused);
  await expect(at("", PUBLIC, {})).rejects.toThrow(refused);
  await expect(at("", PUBLIC, { keys: {}, closed: false })).rejects.toThrow(refused);
  await at("keys: off", PUBLIC);
  await at("keys: {}", PUBLIC);
  // It is closed there already, and stays so.
  await at("", PUBLIC, { keys: {}, closed: true });
  for (const address of ["10.0.0.5", "172.17.0.2", "192.168.1.1", "127.0.0.1", "203.0.113.7", "fd00::1"])
    await at("", address);
});

test("without a manifest the way out is a flag", async () => {
  const { file: _none, ...bare } = manifest("");
  await expect(refuseOpen({ manifest: bare, seen: seen(), address: PUBLIC }, PERFORM)).rejects.toThrow(
    expect.objectContaining({ hint: expect.stringContaining("--open") }),
  );
});

test("a name counts as what it leads to", async () => {
  for (const address of ["localhost", "nobody.invalid"])
    await expect(refuseOpen({ manifest: manifest(""), seen: seen(), address }, PERFORM)).resolves.toBeUndefined();
});
