import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { ASK_LOGIN, parseLogin } from "./login.ts";

const BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAID7Al8Qz4VZbQXa1069fc85qsWkL4aI6nYcw/n3eOmk6";

test("the login, the address and the key's fingerprint, as far as sshd tells them", () => {
  expect(parseLogin(`login ops 203.0.113.9 50022 10.0.0.5 22\npublickey ssh-ed25519 ${BLOB}\n`)).toEqual({
    user: "ops",
    from: "203.0.113.9",
    key: "SHA256:RCHvhzjA+UX+oslxTvXlL1aIPwIeQb2JBI1H8bwTy9I",
  });
  expect(parseLogin("login ops 203.0.113.9 50022 10.0.0.5 22\n")).toEqual({ user: "ops", from: "203.0.113.9" });
  expect(parseLogin("motd\nlogin root \npassword\n")).toEqual({ user: "root" });
  expect(parseLogin("sh: not found")).toBeUndefined();
});

test("a POSIX shell says it, also where sshd says nothing", () => {
  const env = { PATH: process.env["PATH"] };
  expect(parseLogin(execFileSync("sh", ["-c", ASK_LOGIN], { env, encoding: "utf8" }))?.user).toMatch(/\S/);
});
