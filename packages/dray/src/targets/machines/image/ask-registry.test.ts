import { expect, test } from "vitest";
import { checkArchitecture } from "./ask-registry.ts";

test("an image for another processor is refused with the fix", () => {
  const machine = { name: "vm", architecture: "amd64" };
  expect(() => checkArchitecture("api:1", ["arm64"], machine)).toThrow(
    expect.objectContaining({ code: "image.wrong-arch" }),
  );
  expect(() => checkArchitecture("api:1", ["arm64", "amd64"], machine)).not.toThrow();
});
