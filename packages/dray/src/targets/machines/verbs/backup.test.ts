import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pack } from "tar-stream";
import { expect, test } from "vitest";
import { readState } from "drayage-record";
import { readFileSync } from "node:fs";
import { edgeConfig } from "../../../edge/config.ts";
import type { EdgeState } from "../../../edge/state.ts";
import { isKept, readContents, withoutReplicas } from "./backed-up.ts";
import { withRelease } from "../traffic/switch.ts";
import { asBytes, entriesOf, put } from "./backup.ts";

// A first release, a key, a second release, and a third one that gets a quarter.
const FIXTURE = new URL("../../../../../record/src/fixtures/state-5f386ab.json", import.meta.url);
const STATE_BEFORE = readState(readFileSync(FIXTURE, "utf8")) as EdgeState;

test("a restored state has callers and names, and no replica that was elsewhere", () => {
  const state = withoutReplicas(STATE_BEFORE);
  const [before, after] = [STATE_BEFORE, state].map(({ services }) => services["decisions"]);
  expect(after?.keys).toEqual(before?.keys);
  expect(after?.domain).toBe(before?.domain);
  expect(after?.releases.map(({ release, replicas }) => [release.id, replicas])).toEqual([[before?.current, []]]);
  expect(after).not.toHaveProperty("candidate");
  expect(after).not.toHaveProperty("previous");
  expect(state).not.toHaveProperty("address");
  const addresses = before?.releases.flatMap(({ replicas }) => replicas.map(({ address }) => address)) ?? [];
  expect(addresses).not.toEqual([]);
  for (const address of addresses) expect(edgeConfig(state)).not.toContain(address);
});

test("the next release has the traffic alone: to one whose containers are elsewhere there is no way back", () => {
  const state = withoutReplicas(STATE_BEFORE);
  const lost = state.services["decisions"]?.releases[0];
  if (lost === undefined) throw new Error("the fixture has a release");
  const release = { ...lost.release, id: "1next" };
  const kept = { release, replicas: [{ container: "dray-1next-1", address: "172.18.0.9", port: 80 }], deployedAt: "" };
  const service = withRelease(state, kept).services["decisions"];
  expect(service).toMatchObject({ current: "1next", keys: state.services["decisions"]?.keys, releases: [kept] });
  expect(service).not.toHaveProperty("previous");
});

test.each([
  ["volumes/dray-edge/state.json", true],
  ["volumes/dray-edge/audit.jsonl", true],
  ["volumes/dray-edge/certs/api.example.com.pem", true],
  ["volumes/dray-edge/keys-decisions.map", true],
  ["volumes/dray-keeper/secrets.key", true],
  ["volumes/dray-data-decisions-files/lock-of-the-model", true],
  ["volumes/dray-edge/lock-decisions/owner", false],
  ["volumes/dray-edge/journal-decisions.json", false],
  ["volumes/dray-edge/haproxy.cfg", false],
  ["volumes/dray-edge/guard-decisions.sh", false],
  ["volumes/dray-edge/mutex", false],
])("of a machine's files, %s: %s", (name, kept) => {
  expect(isKept(name)).toBe(kept);
});

test("files come out of an archive as they went in: owner, rights, links", async () => {
  const one = pack();
  one.entry({ name: "volumes/dray-keeper/", type: "directory", mode: 0o700, uid: 65_534 });
  one.entry({ name: "volumes/dray-keeper/secrets.key", mode: 0o600, uid: 65_534 }, "k".repeat(100_000));
  one.entry({ name: "volumes/dray-edge/now", type: "symlink", linkname: "then" });
  one.finalize();
  const other = pack();
  const moved = (async () => {
    for await (const entry of entriesOf(asBytes(one))) await put(other, entry.header, entry);
    other.finalize();
  })();
  const bytes = await buffer(asBytes(other));
  await moved;
  const seen: unknown[] = [];
  for await (const entry of entriesOf(Readable.from([bytes]))) {
    const { name, type, mode, uid, linkname } = entry.header;
    seen.push([name, type, mode, uid, linkname, (await text(entry)).length]);
  }
  expect(seen).toEqual([
    ["volumes/dray-keeper/", "directory", 0o700, 65_534, null, 0],
    ["volumes/dray-keeper/secrets.key", "file", 0o600, 65_534, null, 100_000],
    ["volumes/dray-edge/now", "symlink", 0o644, 0, "then", 0],
  ]);
});

test.each([
  ["nothing", "", "this is no backup of a machine"],
  ["another file", '{"v":"one"}', "this is no backup of a machine"],
  [
    "a newer form",
    '{"v":2,"machine":"vm","at":"2030-01-01","services":[],"volumes":[]}',
    "a newer dray made this backup",
  ],
])("%s is refused", (_what, said, message) => {
  expect(() => readContents(said)).toThrow(expect.objectContaining({ code: "backup.unreadable", message }));
});
