import { expect, test } from "vitest";
import { between } from "../packages/console/page/differences.ts";
import { commandOf, curlOf, requestOf } from "../packages/console/page/typed.ts";

const TYPED = { method: "POST", path: "/decisions", body: '{\n  "purpose": "a man\'s car"\n}', release: "" };

test("what the form sends, the command and the curl line are the same request", () => {
  expect(requestOf(TYPED)).toEqual({ method: "POST", path: "/decisions", body: '{"purpose":"a man\'s car"}' });
  expect(commandOf({ ...TYPED, release: "k3v9s1zb" }, "dray.yaml")).toBe(
    String.raw`dray request -X POST --path /decisions -d '{"purpose":"a man'\''s car"}' --release k3v9s1zb --file dray.yaml`,
  );
  expect(curlOf(TYPED, "https://api.example.test/", true)).toBe(
    String.raw`curl -X POST https://api.example.test/decisions -H "authorization: Bearer $KEY" -H 'content-type: application/json' -d '{"purpose":"a man'\''s car"}'`,
  );
  expect(curlOf({ ...TYPED, body: "hello" }, "http://a", false)).toContain("text/plain");
});

test("two releases differ in what their ways back from the live one would change otherwise", () => {
  const older = [
    { what: "release", before: "c", after: "a" },
    { what: "limits.memory", before: "2 GiB", after: "1 GiB" },
    { what: "env.MODE", before: "4 characters" },
  ];
  const newer = [
    { what: "release", before: "c", after: "b" },
    { what: "limits.memory", before: "2 GiB", after: "1 GiB" },
    { what: "port", after: "9000" },
  ];
  expect(between(older, newer)).toEqual([
    { what: "release", left: "a", right: "b" },
    { what: "env.MODE", left: "–", right: "4 characters" },
    { what: "port", left: "–", right: "9000" },
  ]);
  expect(between([], newer)).toContainEqual({ what: "release", left: "c", right: "b" });
});
