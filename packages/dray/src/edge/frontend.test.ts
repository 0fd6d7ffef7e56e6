import { expect, test } from "vitest";
import { frontend } from "./frontend.ts";
import { EMPTY_STATE, type ServiceState } from "./state.ts";

test("the keeper is asked paths only: a caller's authority is taken off, a long path is turned away, and few wait", () => {
  const keeper = { address: "172.30.80.9", certificates: {}, shadows: {} };
  const lines = frontend({ ...EMPTY_STATE, keeper }).split("\n");
  const from = lines.indexOf("backend keeper");
  expect(lines.slice(from).map((line) => line.trim())).toEqual(
    expect.arrayContaining([
      "http-request set-uri %[pathq]",
      expect.stringMatching(/^http-request return status 414 .* if \{ pathq,length gt 512 \}$/),
      "server keeper 172.30.80.9:8080 maxconn 32",
    ]),
  );
});

test("a key called metrics opens its own service's numbers, under that service's prefix", () => {
  const keeper = { address: "172.30.80.9", certificates: {}, shadows: {} };
  const key = { sha256: "a", from: "command" as const, at: "" };
  const named = (service: string, more: object): ServiceState => ({ service, current: "", releases: [], ...more });
  const services = {
    loans: named("loans", { prefix: "/loans", domain: "a.example", keys: { metrics: key } }),
    other: named("other", { keys: { metrics: key } }),
    third: named("third", { prefix: "/third", keys: { partners: key } }),
  };
  const lines = frontend({ ...EMPTY_STATE, keeper, services }).split("\n");
  // The last one counts: the one that says most of where it is asked.
  expect(lines.filter((line) => line.includes("set-var(txn.numbers)")).map((line) => line.trim())).toEqual([
    expect.stringMatching(/str\(other\) if \{ path \/\.dray\/metrics \} \{ http_auth_bearer,.*keys-other\.map/),
    expect.stringMatching(
      /str\(loans\) if \{ path \/loans\/\.dray\/metrics \} \{ req\.hdr\(host\).* a\.example .*keys-loans/,
    ),
  ]);
  expect(lines).toContain("  use_backend keeper if { var(txn.numbers) -m found }");
  expect(lines.at(lines.indexOf("  http-request set-uri %[pathq]") + 1)).toContain(
    "set-uri /.dray/metrics?service=%[var(txn.numbers)] if",
  );
});
