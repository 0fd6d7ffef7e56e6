import { expect, test } from "vitest";
import { healthOf, healthText } from "./health.ts";

test.each([
  [undefined, undefined],
  [null, undefined],
  [{ Status: "none" }, undefined],
  [{ Status: "starting", Log: [] }, "starting by its HEALTHCHECK"],
  [{ Status: "healthy", Log: [{ Output: "ok\n" }] }, "healthy by its HEALTHCHECK"],
  [
    { Status: "unhealthy", Log: [{ Output: "first" }, { Output: "curl: (7)\n\u001b[31mrefused\n" }] },
    "unhealthy by its HEALTHCHECK: curl: (7) [31mrefused",
  ],
  [{ Status: "unhealthy" }, "unhealthy by its HEALTHCHECK"],
])("of %o the engine's opinion is %s", (found, text) => {
  const health = healthOf(found);
  expect(health && healthText(health)).toBe(text);
});
