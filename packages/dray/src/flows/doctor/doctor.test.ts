import { describe, expect, test } from "vitest";
import { doctor } from "./doctor.ts";
import { passes } from "./finding.ts";
import { clockFinding, proxyFinding } from "./network.ts";
import { askSsh } from "./programs.ts";

const context = { signal: new AbortController().signal, emit: () => undefined, secrets: new Map() };

describe("the clock", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  const saying = (ms: number): string => new Date(now + ms).toUTCString();

  test("is right within a minute, however long the answer took", () => {
    expect(clockFinding(saying(0), now, now + 200).verdict).toBe("pass");
    expect(clockFinding(saying(30_000), now, now + 200).verdict).toBe("pass");
    expect(clockFinding(saying(90_000), now, now + 120_000).verdict).toBe("pass");
  });

  test("is named with how far it is off, and the fix", () => {
    expect(clockFinding(saying(300_000), now, now)).toMatchObject({
      verdict: "fail",
      evidence: "300 s behind: tokens and certificates may be refused",
      fix: expect.stringContaining("set-ntp"),
    });
    expect(clockFinding(saying(-300_000), now, now).evidence).toContain("299 s ahead");
  });

  test("is unknown where the server does not tell the time", () => {
    expect(clockFinding(null, now, now).verdict).toBe("unknown");
  });
});

test("a proxy that Node does not use is said, without the password in it", () => {
  const env = { HTTPS_PROXY: "http://jan:geheim@proxy.example.com:3128" };
  const found = proxyFinding(env);
  expect(found).toMatchObject({ verdict: "unknown", fix: expect.stringContaining("NODE_USE_ENV_PROXY") });
  expect(JSON.stringify(found)).not.toContain("geheim");
  expect(proxyFinding({ ...env, NODE_USE_ENV_PROXY: "1" }).verdict).toBe("pass");
  expect(proxyFinding({}).verdict).toBe("pass");
});

test("a computer without ssh is told how to get it", async () => {
  const { PATH } = process.env;
  process.env["PATH"] = "/nowhere";
  try {
    expect(await askSsh(context.signal)).toMatchObject({ verdict: "fail", fix: expect.stringContaining("openssh") });
  } finally {
    process.env["PATH"] = PATH;
  }
});

test("one thing that cannot be asked is unknown, and the others are still told", async () => {
  const found = await doctor(context, {
    clock: async () => await Promise.reject(new Error("no clock here")),
    ssh: async () => await Promise.resolve(passes("ssh", "OpenSSH_9.2")),
  });
  expect(found.map(({ verdict }) => verdict)).toEqual(["unknown", "pass"]);
  expect(found[0]?.evidence).toBe("no clock here");
});
