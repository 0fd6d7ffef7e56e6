import { expect, test } from "vitest";
import { reasonOf } from "./reason.ts";

test("the reason behind what fetch says is named, also of a host with two addresses that both refuse", () => {
  const refused = new AggregateError([new Error("connect ECONNREFUSED 127.0.0.1:9"), new Error("other")], "");
  expect(reasonOf(new TypeError("fetch failed", { cause: refused }))).toBe("connect ECONNREFUSED 127.0.0.1:9");
  expect(reasonOf(new Error("the registry answered 401"))).toBe("the registry answered 401");
  expect(reasonOf("a word")).toBe("a word");
});
