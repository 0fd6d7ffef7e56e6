import { expect, test } from "vitest";
import { parseAccess, parseRequest } from "./access.ts";
import { isFailed, isRefused } from "./failed.ts";

const line = (release: string, status: number, ms: number, caller: string = "-", ended: string = "----"): string =>
  `172.18.0.1:50100 [25/Nov/2026:17:34:14.730] http~ s_loans/${release} 0/2/0/${ms}/${ms + 3} ${status} 84 - - ${ended} 3/1/0/0/0 0/0 "POST /decisions HTTP/1.1" 5f3c8a52-1f0e-4a6b-9d3e-0b1c2d3e4f50 ${caller}`;

test("a line of the access log, one of the edge's own answers, and what is none", () => {
  expect(parseAccess(line("r1.2", 200, 40, "partners"))).toEqual({
    service: "loans",
    release: "r1",
    server: "s_loans/r1.2",
    status: 200,
    queueMs: 2,
    modelMs: 40,
    totalMs: 43,
    left: false,
    caller: "partners",
  });
  expect(parseAccess(line("<NOSRV>", 401, -1))).toMatchObject({ release: "", status: 401 });
  expect(parseAccess("Proxy http stopped (cumulated conns: FE: 0, BE: 0).")).toBeUndefined();
  expect(
    parseAccess('1.2.3.4:5 [x] http http/<NOSRV> 0/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>" - -'),
  ).toBeUndefined();
});

const REQUESTS: [string, string, ReturnType<typeof parseRequest>][] = [
  ["a request to a service", line("r1.2", 200, 40), { status: 200, ended: "----", path: "/decisions" }],
  [
    "an older dray's, with a query and what was captured",
    '1.2.3.4:5 [x] http s_a/r1.1 0/0/0/3/3 503 +84 - - SC-- 3/1/0/0/0 0/0 {abc|} {x y} "GET /score?a=1 HTTP/1.1"',
    { status: 503, ended: "SC--", path: "/score" },
  ],
  [
    "one that the edge refused before it knew the service",
    '1.2.3.4:5 [x] http http/<NOSRV> 0/-1/-1/-1/0 401 0 - - PR-- 1/1/0/0/0 0/0 "GET /a HTTP/1.1" - -',
    { status: 401, ended: "PR--", path: "/a" },
  ],
  ["one without an answer", line("r1.1", -1, -1, "-", "SH--"), { status: -1, ended: "SH--", path: "/decisions" }],
  ["words of HAProxy's own", "Proxy http stopped (cumulated conns: FE: 0, BE: 0).", undefined],
  ["nothing", "", undefined],
];

test.each(REQUESTS)("the request of a line: %s", (_what, text, said) => {
  expect(parseRequest(text)).toEqual(said);
});

test("failed means: an error of the server's, or no answer; refused is something else", () => {
  expect([200, 302, 404, 429, 499].some(isFailed)).toBe(false);
  expect([500, 502, 503, 504, -1, 0].every(isFailed)).toBe(true);
  expect([400, 404, 429].every(isRefused)).toBe(true);
  expect([200, 500, -1].some(isRefused)).toBe(false);
});

const more = (word: string, status: number = 200): string =>
  `1.2.3.4:5 [25/Nov/2026:17:34:14.730] http~ s_loans/r1.1 0/2/0/40/43 ${status} 84 - - ---- 3/1/0/0/0 0/0 "POST /a.B/C HTTP/2.0" ${word} 5f3c8a52-1f0e-4a6b-9d3e-0b1c2d3e4f50 partners`;
const [TRACE, SPAN, PARENT] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"];

test("a gRPC status in the head of an answer counts as the HTTP status that means the same", () => {
  const statusOf = (word: string, status?: number): number | undefined => parseAccess(more(word, status))?.status;
  expect(["-/-/-", "0/-/-", "14/-/-", "5/-/-", "99/-/-"].map((word) => statusOf(word))).toEqual([
    200, 200, 503, 404, 500,
  ]);
  // What the edge answered by itself is as it says.
  expect(statusOf("0/-/-", 401)).toBe(401);
  expect(parseAccess(more("14/-/-"))).toMatchObject({ caller: "partners", totalMs: 43 });
});

test("a line says how many tokens were read and written, and whether as a stream; an older edge says nothing of them", () => {
  expect(parseAccess(more("-/125/-/5+20"))?.tokens).toEqual({ asked: 5, answered: 20, streamed: true });
  expect(parseAccess(more("-/-/-/0+7"))?.tokens).toEqual({ asked: 0, answered: 7, streamed: false });
  for (const word of ["-/125/-/-", "-/125/-"])
    expect(parseAccess(more(word))).toEqual(expect.not.objectContaining({ tokens: expect.anything() as unknown }));
});

test("a line says of a traced request where it belongs, and when its first bytes came", () => {
  expect(parseAccess(more(`-/125/${TRACE}-${SPAN}-${PARENT}`))).toMatchObject({
    modelMs: 125,
    trace: { traceId: TRACE, spanId: SPAN, parentId: PARENT, startMs: Date.UTC(2026, 10, 25, 17, 34, 14, 730) },
  });
  expect(parseAccess(more(`-/-/${TRACE}-${SPAN}-`))?.trace).toEqual({
    traceId: TRACE,
    spanId: SPAN,
    startMs: Date.UTC(2026, 10, 25, 17, 34, 14, 730),
    asked: "POST /a.B/C",
  });
  // A word that nobody knows is no reason to lose the line.
  expect(parseAccess(more("what"))).toMatchObject({ status: 200, caller: "partners" });
});
