import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Kube } from "./api.ts";
import { follow } from "./follow.ts";
import type { KubeObject } from "./kinds.ts";

type Reply = (answer: http.ServerResponse) => void;

let replies: Reply[] = [];
const asked: string[] = [];
const server = http.createServer((request, answer) => {
  asked.push(request.url ?? "");
  replies.shift()?.(answer);
});
beforeAll(async () => await once(server.listen(0, "127.0.0.1"), "listening"));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const pod = (name: string): object => ({ metadata: { name } });
const list =
  (version: string, ...names: string[]): Reply =>
  (answer) =>
    void answer.end(JSON.stringify({ metadata: { resourceVersion: version }, items: names.map(pod) }));
const events =
  (...all: object[]): Reply =>
  (answer) =>
    void answer.end(all.map((each) => `${JSON.stringify(each)}\n`).join(""));
const status =
  (code: number, message: string): Reply =>
  (answer) =>
    void answer.writeHead(code).end(JSON.stringify({ kind: "Status", code, message }));
const cut: Reply = (answer) => {
  answer.writeHead(200);
  answer.write('{"type":');
  answer.destroy();
};

async function followed(given: Reply[], wanted: string[]): Promise<string[][]> {
  replies = given;
  asked.length = 0;
  const seen: string[][] = [];
  const { signal } = new AbortController();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  using kube = Kube.open(
    { context: "x", server: url, namespace: "team", insecure: false, login: {} },
    undefined,
    signal,
  );
  const look = (pods: readonly KubeObject[]): true | undefined => {
    const names = pods.map(({ metadata }) => metadata.name);
    seen.push(names);
    return names.join() === wanted.join() ? true : undefined;
  };
  await follow(kube, { kind: "Pod", which: { selector: "a=b" }, seen: look }, signal);
  return seen;
}

test("what is listed, and each change of it, is shown until it is enough", async () => {
  const changes = events(
    { type: "ADDED", object: pod("b") },
    { type: "BOOKMARK", object: pod("") },
    { type: "DELETED", object: pod("a") },
  );
  expect(await followed([list("7", "a"), changes], ["b"])).toEqual([["a"], ["a", "b"], ["b"]]);
  expect(asked[1]).toContain(
    "watch=1&resourceVersion=7&timeoutSeconds=60&allowWatchBookmarks=true&labelSelector=a%3Db",
  );
});

test.each([
  ["says that its place is gone", events({ type: "ERROR", object: { code: 410 } })],
  ["is refused as too old", status(410, "too old resource version: 7 (9)")],
  ["is quiet until its time is over", events()],
  ["is cut", cut],
])("a watch that %s is begun again with a list", async (_what, ending) => {
  expect(await followed([list("7", "a"), ending, list("9", "a", "b")], ["a", "b"])).toEqual([["a"], ["a", "b"]]);
});

test("a refusal is told, and not asked again", async () => {
  await expect(followed([status(403, 'User "eve" cannot list')], [])).rejects.toMatchObject({
    code: "kubernetes.denied",
  });
  expect(asked).toHaveLength(1);
});
