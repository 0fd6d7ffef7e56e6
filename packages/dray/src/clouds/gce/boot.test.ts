import { expect, test, vi } from "vitest";
import { hostKeys } from "./boot.ts";
import type { Compute } from "./compute.ts";

vi.mock("drayage-clock", async (original) => ({ ...(await original<object>()), sleep: async () => {} }));

test("host keys that are told one after the other are all waited for", async () => {
  const told = ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"];
  let looks = 0;
  const find = async () => ({
    queryValue: { items: told.slice(0, looks++).map((key) => ({ key, value: `AAAA-${key}\n` })) },
  });
  // Only find is asked for here; all else of the client is Google's.
  const compute = { find } as unknown as Compute;
  const keys = await hostKeys(compute, { name: "vm", zone: "z" }, () => {}, new AbortController().signal);
  expect(keys).toEqual(told.map((kind) => `${kind} AAAA-${kind}`));
  expect(looks).toBe(5);
});
