import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readServices, readState, STATE_VERSION, StateRefused } from "./state.ts";

// Made by the code of commit 5f386ab: a first release, a key, a second release, and a third one that gets a quarter.
const OLD = readFileSync(new URL("fixtures/state-5f386ab.json", import.meta.url), "utf8");
const changed = (change: object): string => JSON.stringify({ ...JSON.parse(OLD), ...change });

test("a state of an older dray is read, and comes back with every field that was in it", () => {
  const state = readState(OLD);
  expect(state).toEqual(JSON.parse(OLD));
  expect(state.services["decisions"]).toMatchObject({ current: "1c00002a", candidate: { share: 25 } });
});

test("fields that this program does not know stay: whoever added them finds them again", () => {
  const text = changed({ weather: { sunny: true } });
  expect(readState(text)).toMatchObject({ weather: { sunny: true } });
});

test("a newer form is refused, whatever else is in it", () => {
  for (const text of [changed({ v: STATE_VERSION + 1 }), '{"v":7,"everything":"else"}'])
    expect(() => readState(text)).toThrow(
      expect.objectContaining({ why: "newer", message: expect.stringMatching(/version \d of the form, .* knows 1/) }),
    );
});

test.each([
  ["no JSON", "{", /no JSON/],
  ["no object", "[]", /./],
  ["no version", changed({ v: undefined }), /at v/],
  ["a service that is none", changed({ services: { a: { service: "a" } } }), /at services\.a\.current/],
  ["a port that is a word", changed({ port: "eighty" }), /at port/],
])("%s is refused, with where it is wrong, in one line", (_what, text, why) => {
  const read = (): unknown => readState(text);
  expect(read).toThrow(StateRefused);
  expect(read).toThrow(expect.objectContaining({ why: "unreadable", message: expect.stringMatching(why) }));
  expect(read).toThrow(expect.objectContaining({ message: expect.not.stringContaining("\n") }));
});

test("a program beside the edge goes on with the services that it knows, also of a newer form", () => {
  const { services } = readServices(changed({ v: 2, more: 1 }));
  const live = services["decisions"]?.releases.find(({ release }) => release.id === services["decisions"]?.current);
  expect(live?.replicas.map(({ address }) => address)).toEqual(["172.18.0.21", "172.18.0.22"]);
  expect(live?.release.settings).toEqual({ domain: "decisions.example.com", limits: { timeoutMs: 30_000 } });
  expect(() => readServices('{"v":1}')).toThrow(expect.objectContaining({ why: "unreadable" }));
});
