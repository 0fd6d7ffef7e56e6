import { expect, test } from "vitest";
import { edgeConfig } from "../../../edge/config.ts";
import { isClosed, keyCommands, keysFileLines } from "../../../edge/keys.ts";
import { EMPTY_STATE, type EdgeState, type ServiceState } from "../../../edge/state.ts";
import { type Key } from "../../../core/keys.ts";
import { callersBeforeAndAfter, withKeys } from "./callers.ts";

const key = (sha256: string, from: Key["from"] = "manifest"): Key => ({ sha256, from, at: "" });
const named = (keys?: ServiceState["keys"], closed?: boolean): ServiceState => ({
  service: "decisions",
  current: "",
  releases: [],
  ...(keys === undefined ? {} : { keys }),
  ...(closed === undefined ? {} : { closed }),
});
const stateOf = (service: ServiceState): EdgeState => ({ ...EMPTY_STATE, services: { decisions: service } });
const wantsKey = (service: ServiceState): boolean => edgeConfig(stateOf(service)).includes("status 401");
const after = (service: ServiceState, wanted: Parameters<typeof withKeys>[2]): ServiceState =>
  withKeys(stateOf(service), "decisions", wanted).services["decisions"] ?? named();

test("closed is a state of its own: a service without any key left lets nobody in", () => {
  expect(wantsKey(named())).toBe(false);
  expect(wantsKey(named({ partners: key("a") }, true))).toBe(true);
  expect(wantsKey(named({}, true))).toBe(true);
  expect(wantsKey(after(named(), {}))).toBe(true);
});

test("the state of an older dray means what it meant where it had keys; where its last one was revoked it is closed", () => {
  expect(isClosed(named())).toBe(false);
  expect(isClosed(named({ partners: key("a") }))).toBe(true);
  expect(isClosed(named({ metrics: key("a") }))).toBe(false);
  expect(isClosed(named({}))).toBe(true);
});

test("only `off` opens; a manifest that says nothing of keys leaves closed what is closed", () => {
  const closed = named({ partners: key("a"), auditors: key("b", "command") }, true);
  expect(after(closed, undefined)).toMatchObject({ keys: { auditors: key("b", "command") }, closed: true });
  expect(after(named({ partners: key("a") }, true), undefined)).toMatchObject({ keys: {}, closed: true });
  expect(after(closed, {})).toMatchObject({ keys: { auditors: key("b", "command") }, closed: true });
  expect(after(named({ partners: key("a") }, true), "off")).toEqual(named());
  const opened = after(closed, "off");
  expect([opened.keys, wantsKey(opened)]).toEqual([{ auditors: key("b", "command") }, false]);
  // It stays so until somebody says something else.
  expect(wantsKey(after(opened, undefined))).toBe(false);
  expect(wantsKey(after(opened, { partners: key("a") }))).toBe(true);
});

test("the plan says who may call before and after", () => {
  const closed = named({ b: key("b"), a: key("a") }, true);
  expect(callersBeforeAndAfter(undefined, undefined)).toEqual([undefined, "anybody"]);
  expect(callersBeforeAndAfter(closed, "off")).toEqual(["with a key: a, b", "anybody"]);
  expect(callersBeforeAndAfter(closed, undefined)).toEqual(["with a key: a, b", "nobody: no key is left"]);
});

test("the file of keys is written also when it is empty, and where another dray may have left none", () => {
  const [none, empty] = [stateOf(named()), stateOf(named({}, true))];
  expect(keysFileLines(none, empty, false)).toHaveLength(1);
  expect(keysFileLines(empty, empty, false)).toHaveLength(0);
  expect(keysFileLines(empty, empty, true)).toHaveLength(1);
});

test("revoking the last key is a command for the running HAProxy, and no reload that opens", () => {
  const [one, none] = [stateOf(named({ partners: key("a") }, true)), stateOf(named({}, true))];
  expect(keyCommands(one, none, "decisions")).toEqual(["del map /var/lib/dray/keys-decisions.map a"]);
});
