import { describe, expect, test } from "vitest";
import { Failure } from "../base/failure.ts";
import { checkManifest, parseManifest } from "../yaml/load.ts";

function failure(act: () => unknown): Failure {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("it was accepted");
}

/** Words of the libraries below, which say nothing to a user. */
const FOREIGN = /invalid|expected string|received|unrecognized|undefined|YAML\.parse|zod|regex|Excessive/i;

describe("no library's words reach a user", () => {
  test.each([
    ["machine: vm\n", "manifest.invalid", "service: this key is missing; it takes text"],
    ["service: 5\nmachine: vm\n", "manifest.invalid", "service: expected text, found 5"],
    ["service: a\nmachine: vm\nreplicas: 1.5\n", "manifest.invalid", "replicas: expected a whole number, found 1.5"],
    ["service: a\nmachine: vm\nreplicas: 99\n", "manifest.invalid", "replicas: expected at most 64"],
    ["service: a\nmachine: vm\nport: 0\n", "manifest.invalid", "port: expected at least 1"],
    ["service: a\ntarget: moon\n", "manifest.invalid", 'target: expected machines, vertex or kubernetes, found "moon"'],
    ["service: a\nmachine: vm\nenv: [A]\n", "manifest.invalid", "env: expected keys with values, found a list"],
    ["service: a\nmachine: vm\nlimits:\n", "manifest.invalid", "limits: expected keys with values, found nothing"],
    ["service: a\nmachine: vm\nbuild: 5\n", "manifest.invalid", "build: expected another kind of value, found 5"],
    ["service: a\nmachine: vm\nbuild: {file: x}\n", "manifest.unknown-key", 'unknown key "file" in build'],
    [
      "service: a\nmachine: vm\nalerts: {webhook: nobody}\n",
      "manifest.invalid",
      'alerts.webhook: expected a URL, found "nobody"',
    ],
    ["service: 5\nlimts: 1\n", "manifest.invalid", "service: expected text, found 5"],
    ["- service: a\n", "manifest.invalid", "expected keys with values, found a list"],
    ["just words\n", "manifest.invalid", 'expected keys with values, found "just words"'],
    ["", "manifest.invalid", "service: this key is missing; it takes text"],
    [
      "service: a\n---\nservice: b\n",
      "manifest.syntax",
      "the file has two documents, and a manifest is one: nothing may follow a line of three dashes",
    ],
    ["service: a\nmachine: b: c\n", "manifest.syntax", undefined],
    ["service: a\n\tmachine: b\n", "manifest.syntax", undefined],
    ["service: [\n", "manifest.syntax", undefined],
    ["service: *nobody\n", "manifest.syntax", "nothing in this file is called &nobody"],
    ["service: a\nmachine: vm\nservice: b\n", "manifest.duplicate-key", "this key stands here twice"],
    ["service: a\nmachine: vm\nlimits: {cpus: 1, cpus: 2}\n", "manifest.duplicate-key", "this key stands here twice"],
    ["service: a\nmachines: {one: vm, one: vm2}\n", "manifest.duplicate-machine", "two machines have this name"],
  ])("%j", (source, code, message) => {
    const found = failure(() => parseManifest(source, "dray.yaml"));
    expect(found.code).toBe(code);
    if (message !== undefined) expect(found.message).toBe(message);
    expect([found.message, found.hint, ...found.details].join("\n")).not.toMatch(FOREIGN);
    expect(found.place?.file).toBe("dray.yaml");
  });

  test("aliases that would fill the memory are refused in a sentence", () => {
    const lines = Array.from(
      { length: 9 },
      (_, n) => `x-${n + 1}: &a${n + 1} [${Array(10).fill(`*a${n}`).join(", ")}]`,
    );
    const source = ["service: a", "machine: vm", "x-0: &a0 [1]", ...lines].join("\n");
    const found = failure(() => parseManifest(source, "dray.yaml"));
    expect(found).toMatchObject({ code: "manifest.syntax", message: expect.stringContaining("aliases") });
    expect(found.message).not.toMatch(FOREIGN);
  });

  test("the command line is told in the same words", () => {
    expect(failure(() => checkManifest({ service: "a", machine: "vm", port: Number.NaN })).message).not.toMatch(
      FOREIGN,
    );
  });
});

describe("as in compose files", () => {
  test("keys that begin with x- are the user's own, at the top", () => {
    const { service } = parseManifest("x-common: {a: 1}\nservice: a\nmachine: vm\n", "dray.yaml");
    expect(service).toBe("a");
    const found = failure(() => parseManifest("service: a\nmachine: vm\nlimits: {x-memory: 1GiB}\n", "dray.yaml"));
    expect(found.code).toBe("manifest.unknown-key");
  });

  test("a merge key brings what its anchor has, and a key beside it wins", () => {
    const source = `x-small: &small
  memory: 256MiB
  cpus: 1
service: a
machine: vm
limits:
  <<: *small
  cpus: 2
`;
    expect(parseManifest(source, "dray.yaml").limits).toMatchObject({ memory: 256 * 1024 ** 2, cpus: 2 });
  });
});
