import { expect, test } from "vitest";
import { frontend } from "./edge-frontend.ts";
import { EMPTY_STATE } from "./edge-state.ts";

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
