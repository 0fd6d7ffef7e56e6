import { expect, test } from "vitest";
import { hostRefusal } from "./host-refusal.ts";

test.each([
  ["Starlette", 400, "Invalid host header", "allowed_hosts"],
  ["MLflow", 403, "Invalid Host header - possible DNS rebinding attack detected", "--allowed-hosts"],
  ["Django", 400, "<pre>Invalid HTTP_HOST header: 'api.example.com'.</pre>", "ALLOWED_HOSTS"],
  ["Rails", 403, "<h1>Blocked hosts: api.example.com</h1>", "config.hosts"],
])("%s says in its own words that it refuses a name", (framework, status, body, setting) => {
  const found = hostRefusal({ status, body });
  expect(found?.framework).toBe(framework);
  expect(found?.setting("api.example.com")).toContain(setting);
  expect(found?.setting("api.example.com")).toContain("api.example.com");
});

test("the port of a Host is part of the setting only where the framework compares it", () => {
  const setting = (status: number, body: string): string =>
    hostRefusal({ status, body })?.setting("[2001:db8::1]:8080") ?? "";
  expect(setting(400, "Invalid host header")).toContain('"[2001:db8::1]"');
  expect(setting(403, "Invalid Host header - possible DNS rebinding attack detected")).toContain("[2001:db8::1]:8080");
});

test("an answer that tells nothing is a refusal of the name where localhost is answered", () => {
  const plain = { status: 400, body: "<h1>Bad Request (400)</h1>" };
  expect(hostRefusal(plain)).toBeUndefined();
  expect(hostRefusal(plain, { status: 400 })).toBeUndefined();
  expect(hostRefusal(plain, { status: 200 })?.setting("x.example")).toContain("ALLOWED_HOSTS");
});

test("another status, or another 400, is no refusal of a name", () => {
  expect(hostRefusal({ status: 404, body: "Invalid host header" })).toBeUndefined();
  expect(hostRefusal({ status: 422, body: "field required" }, { status: 200 })).toBeUndefined();
  expect(hostRefusal(undefined)).toBeUndefined();
});
