import { expect, test } from "vitest";
import { overload } from "../world/overload.ts";
import { startVm } from "../world/vm.ts";

// How long those who are let in wait is measured by `npm run bench -- overload`.
test("five times what the limits allow: as many as can be are served, the others are told at once, and then it is over", async () => {
  await using vm = await startVm();
  // Slow enough that a busy machine can tell who had to wait: what the caller itself is late by is nothing beside it.
  const met = await overload(vm, { takesMs: 200, calmMs: 1000, overMs: 6000 });
  expect(met).toMatchObject({ broken: 0, withoutRetryAfter: 0 });
  expect(met.accepted + met.refused).toBe(met.sent);
  // It can do 120 in six seconds; a third of that where others work, too. One that chokes serves hardly anybody.
  expect(met.accepted).toBeGreaterThan(40);
  expect(met.refused).toBeGreaterThan(met.accepted);
  expect(met.refusedP50Ms).toBeLessThan(met.acceptedP50Ms);
  expect(met.edgeGrewMiB).toBeLessThan(32);
  // Nobody waits any more: whoever comes now is served.
  for (let call = 0; call < 20; call++) {
    const answer = await fetch(`http://${vm.address}/decisions`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(200);
  }
});
