import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { askName } from "./dns.ts";

const { signal } = new AbortController();

/** A `getent` that does this, for one test. */
async function getent(script: string): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-dns-"));
  await writeFile(path.join(folder, "getent"), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(folder, "getent"), 0o755);
  const before = process.env["PATH"];
  process.env["PATH"] = `${folder}:${before}`;
  onTestFinished(async () => {
    process.env["PATH"] = before;
    await rm(folder, { recursive: true });
  });
}

test.runIf(process.platform === "linux")(
  "a resolver that is late has not said that the name does not exist",
  async () => {
    await getent("exec sleep 5");
    expect(await askName("machine.test.invalid", signal, 200)).toMatchObject({ a: [], aaaa: [], code: "ETIMEOUT" });
  },
);

test.runIf(process.platform === "linux")("each address that the resolver says counts once, by its family", async () => {
  await getent("printf '192.0.2.7 STREAM a\\n192.0.2.7 DGRAM\\n2001:db8::1 STREAM\\n'");
  const { a, aaaa, code } = await askName("machine.test.invalid", signal);
  expect([a, aaaa, code]).toEqual([["192.0.2.7"], ["2001:db8::1"], undefined]);
});
