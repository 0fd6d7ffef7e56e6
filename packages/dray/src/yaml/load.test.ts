import { expect, test } from "vitest";
import { Failure } from "../base/failure.ts";
import { parseGolden } from "../manifest/golden.ts";
import { parseManifest } from "./load.ts";
import { serviceNameOf } from "../manifest/name.ts";

function failure(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

test("two lines are a manifest", () => {
  const manifest = parseManifest("service: decisions\nmachine: vm\n", "dray.yaml");
  expect(manifest).toMatchObject({
    service: "decisions",
    replicas: 1,
    keep: 5,
    limits: { timeout: 60_000 },
    edge: { port: 80 },
  });
});

test("a rate is one of requests, one of tokens, or both", () => {
  const rateOf = (said: string): unknown => parseManifest(`service: a\nmachine: vm\nrate: ${said}\n`, "dray.yaml").rate;
  expect(rateOf("10/s")).toEqual({ of: "requests", count: 10, perMs: 1000 });
  expect(rateOf("[10/s, 50000 tokens/m]")).toMatchObject([{ of: "requests" }, { of: "tokens", count: 50_000 }]);
  expect(failure(() => rateOf("[1/s, 2/s]")).message).toBe("rate: expected one rate of requests and one of tokens");
  expect(failure(() => rateOf("[1/s, many]")).message).toContain('50000 tokens/m, got "many"');
});

test("a service's name made of a folder's is one that the manifest takes", () => {
  for (const folder of ["a service!", "My Model (v2)", "x".repeat(39) + "-y", "---", "1st"]) {
    const service = serviceNameOf(folder);
    expect(parseManifest(`service: ${service}\nmachine: vm\n`, "dray.yaml").service, folder).toBe(service);
  }
});

test.each(["api.example.com", "localhost:8080", "10.0.0.1", "[2001:db8::1]:80"])("%s is a Host", (host) => {
  const said = `service: a\nmachine: vm\nhost: ${JSON.stringify(host)}\n`;
  expect(parseManifest(said, "dray.yaml").host).toBe(host);
});

test("a service has no name of ours", () => {
  for (const name of ["edge", "keeper", "warden", "setup", "constructor"])
    expect(failure(() => parseManifest(`service: ${name}\nmachine: vm\n`, "dray.yaml")).code).toBe("manifest.invalid");
  expect(parseManifest("service: keeper-api\nmachine: vm\n", "dray.yaml").service).toBe("keeper-api");
});

test("callers are named one way at every door", () => {
  const keys = (text: string): unknown => parseManifest(`service: a\nmachine: vm\nkeys: ${text}\n`, "dray.yaml").keys;
  expect(keys("[PARTNER_KEY, auditors]")).toEqual({
    "partner-key": { env: "PARTNER_KEY" },
    auditors: { env: "auditors" },
  });
  expect(keys("off")).toBe("off");
  expect([keys("{}"), keys("[]")]).toEqual([{}, {}]);
  const sha256 = "0a".repeat(32);
  expect(keys(`{owner: {sha256: ${sha256}}}`)).toEqual({ owner: { sha256 } });
  for (const bad of ["[we ird'name]", "[A_KEY, a_key]", "[_]", "{we ird: {env: A}}", "{a: {sha256: abc}}", "[a-key]"])
    expect(failure(() => keys(bad)).code, bad).toBe("manifest.invalid");
});

test("a list of machines has names made of their hosts; two of one name are refused with their place", () => {
  const list = (...hosts: string[]): string =>
    `service: a\nmachines:\n${hosts.map((host) => `  - ${host}\n`).join("")}`;
  const { machines } = parseManifest(list("anna", "student@vm-jan", "student@203.0.113.7", "ssh://s@h.lan:2222"), "x");
  expect(machines).toEqual({
    anna: "anna",
    "vm-jan": "student@vm-jan",
    "vm-203-0-113-7": "student@203.0.113.7",
    "h-lan-2222": "ssh://s@h.lan:2222",
  });
  expect(() => parseManifest(list("a@vm", "b@vm"), "x")).toThrow(
    expect.objectContaining({ message: expect.stringContaining("this is called vm, as a@vm is") }),
  );
});

test("units are read", () => {
  const { limits } = parseManifest("service: a\nmachine: vm\nlimits: {memory: 1GiB, timeout: 500ms}\n", "dray.yaml");
  expect(limits).toMatchObject({ memory: 1024 ** 3, timeout: 500 });
});

test.each([
  ["service: a\nmachine: vm\nimagee: x\n", "manifest.unknown-key", 3, 1, 'did you mean "image"?'],
  ["service: a\nmachine: vm\nlimits:\n  memroy: 1GiB\n", "manifest.unknown-key", 4, 3, 'did you mean "memory"?'],
  ["service: a\nmachine: vm\nlimits: {memory: lots}\n", "manifest.invalid", 3, 18, undefined],
  ["service: A B\nmachine: vm\n", "manifest.invalid", 1, 10, undefined],
  // Docker refuses an image that is called so.
  ["service: a-service-\nmachine: vm\n", "manifest.invalid", 1, 10, undefined],
  ['service: a\nmachine: vm\nhost: "a\\r\\nx: y"\n', "manifest.invalid", 3, 7, undefined],
  ["service: a\nmachines:\n  one: vm\n  one: vm2\n", "manifest.duplicate-machine", 4, 3, undefined],
  ["service: a\nmachines:\n  one: vm\n  two: vm\n", "manifest.duplicate-machine", 4, 8, undefined],
  // What becomes the edge's configuration, or a file's name, is only what it says.
  ['service: a\nmachine: vm\ndomain: "../../x"\n', "manifest.invalid", 3, 9, undefined],
  ['service: a\nmachine: vm\ndomain: "a.example\\n  bind :1"\n', "manifest.invalid", 3, 9, undefined],
  ['service: a\nmachine: vm\nopen: ["/a } or { always_true"]\n', "manifest.invalid", 3, 1, undefined],
  ['service: a\nmachine: vm\ntimeouts: {"/a\\nb": 1s}\n', "manifest.invalid", 3, 21, undefined],
  ["service: [\n", "manifest.syntax", 2, 1, undefined],
])("%j is refused with its place", (source, code, line, column, hint) => {
  const found = failure(() => parseManifest(source, "dray.yaml"));
  expect(found.code).toBe(code);
  expect(found.place).toMatchObject({ file: "dray.yaml", line, column });
  expect(found.place?.frame).toContain("^");
  if (hint !== undefined) expect(found.hint).toBe(hint);
});

test("a golden file that is no JSON is refused with its place", () => {
  const found = failure(() => parseGolden('[{"request": }]', "golden.json"));
  expect(found.code).toBe("golden.invalid");
  expect(found.place).toMatchObject({ line: 1, column: 14 });
});

test("pages that may call are origins as browsers send them", () => {
  const cors = (text: string): unknown => parseManifest(`service: a\nmachine: vm\ncors: ${text}\n`, "dray.yaml").cors;
  expect(cors("{origins: [https://app.example.com], headers: [X-Trace]}")).toEqual({
    origins: ["https://app.example.com"],
    headers: ["x-trace"],
    expose: ["x-request-id", "retry-after"],
    credentials: false,
    maxAge: 7_200_000,
  });
  expect(cors('{origins: "*"}')).toMatchObject({ origins: "*" });
  for (const bad of [
    "{origins: []}",
    "{origins: [https://app.example.com/]}",
    "{origins: [app.example.com]}",
    "{origins: [https://*]}",
    '{origins: ["https://a b"]}',
    '{origins: "*", credentials: true}',
    '{origins: "*", headers: ["x y"]}',
  ])
    expect(failure(() => cors(bad)).code, bad).toBe("manifest.invalid");
});

test("a container beside the API is given secrets that have a source", () => {
  const text = (secrets: string): string =>
    `service: a\nmachine: vm\nsecrets: ${secrets}\nwith: {db: {image: "db:1", secrets: [PASSWORD]}}\n`;
  expect(parseManifest(text("[PASSWORD]"), "dray.yaml").with).toEqual({ db: { image: "db:1", secrets: ["PASSWORD"] } });
  const found = failure(() => parseManifest(text("[OTHER]"), "dray.yaml"));
  expect(found).toMatchObject({ code: "manifest.invalid" });
  expect([found.message, ...found.details].join(" ")).toContain("PASSWORD has no source");
});
