import { expect, test } from "vitest";
import { type Engine, EngineError } from "../../../machine/engine.ts";
import { removeWall } from "./wall.ts";

interface Asked {
  body?: { Cmd?: string[]; HostConfig?: { RestartPolicy?: { Name: string } } };
}

/** An engine that writes down what it is asked, as far as a wall asks it. */
function engineWith(wall: { Image: string } | undefined): { engine: Engine; asked: [string, Asked][] } {
  const asked: [string, Asked][] = [];
  const answer =
    (method: string) =>
    async (path: string, options: Asked): Promise<unknown> => {
      asked.push([`${method} ${path}`, options]);
      if (wall === undefined) throw new EngineError(404, "no such container");
      return await Promise.resolve(wall);
    };
  const call = async (method: string, path: string, options: Asked): Promise<unknown> =>
    await answer(method)(path, options);
  return { engine: { get: answer("GET"), post: answer("POST"), call } as unknown as Engine, asked };
}

const { signal } = new AbortController();

test("the container that keeps the rules up has ended before another one takes them away", async () => {
  const { engine, asked } = engineWith({ Image: "sha256:wall" });
  await removeWall(engine, signal);
  expect(asked.map(([what]) => what)).toEqual([
    "GET /containers/dray-wall/json",
    "DELETE /containers/dray-wall",
    "POST /containers/create",
    "POST /containers/dray-wall/start",
    "POST /containers/dray-wall/wait",
    "DELETE /containers/dray-wall",
  ]);
  const { Cmd, HostConfig } = asked[2]?.[1].body ?? {};
  expect(Cmd?.at(-1)).toMatch(/four drop; six drop/);
  expect(HostConfig?.RestartPolicy).toEqual({ Name: "no" });
});

test("where there is no wall, nothing is made", async () => {
  const { engine, asked } = engineWith(undefined);
  await removeWall(engine, signal);
  expect(asked.map(([what]) => what)).toEqual(["GET /containers/dray-wall/json", "DELETE /containers/dray-wall"]);
});
