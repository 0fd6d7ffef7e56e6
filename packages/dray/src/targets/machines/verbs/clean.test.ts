import { once } from "node:events";
import http from "node:http";
import { type AddressInfo, connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { openSession } from "../../../flows/runs/session.ts";
import { Engine } from "../../../machine/engine.ts";
import type { Machine } from "../../../machine/machine.ts";
import { clean, planOf } from "./clean.ts";
import { belongings } from "./ours.ts";

/** What an engine has, by the path that deletes it; `used`: what it will not delete. */
class Shelf {
  readonly deleted: string[] = [];
  readonly used = new Set<string>();
  containers = ["dray-edge", "dray-api-r1-1"];
  networks = ["dray", "dray.api"];
  volumes = [
    { Name: "dray-edge", Labels: null },
    { Name: "dray-data-api-files", Labels: { "dray.role": "data" } },
    { Name: "somebody-elses", Labels: { role: "data" } },
  ];
  images = [{ RepoTags: ["dray/api:r1", "registry.example/api:1"] }, { RepoTags: null }];

  answer(method: string, path: string): [status: number, body?: object] {
    if (method === "DELETE") return this.#delete(path);
    if (path === "/containers/json") return [200, this.containers.map((name) => ({ Names: [`/${name}`] }))];
    if (path === "/networks") return [200, this.networks.map((Name) => ({ Name }))];
    if (path === "/volumes") return [200, { Volumes: this.volumes }];
    return [200, this.images];
  }

  #delete(path: string): [status: number, body?: object] {
    const name = path.split("/").slice(2).join("/");
    if (this.used.has(name)) return [409, { message: `${name} is in use` }];
    this.deleted.push(name);
    this.containers = this.containers.filter((each) => each !== name);
    this.networks = this.networks.filter((each) => each !== name);
    this.volumes = this.volumes.filter(({ Name }) => Name !== name || !path.startsWith("/volumes/"));
    const tagsOf = (tags: string[] | null): string[] | null => tags?.filter((tag) => tag !== name) ?? null;
    this.images = this.images.map(({ RepoTags }) => ({ RepoTags: tagsOf(RepoTags) as string[] }));
    return [204];
  }
}

async function engineOn(shelf: Shelf): Promise<Engine> {
  const server = http.createServer(({ method = "", url = "" }, reply) => {
    const [status, body] = shelf.answer(method, decodeURIComponent(url.split("?")[0] ?? ""));
    reply.writeHead(status).end(body === undefined ? undefined : JSON.stringify(body));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const engine = new Engine(() => Promise.resolve(connect(port, "127.0.0.1")));
  onTestFinished(() => engine.close());
  return engine;
}

const siteOn = async (shelf: Shelf): Promise<Parameters<typeof clean>[0]> => ({
  machine: { name: "vm", engine: await engineOn(shelf) } as Machine,
  edge: undefined,
});

test("what is ours goes, the edge after all other containers; a service's data stays, and other people's things", async () => {
  const shelf = new Shelf();
  const { before, after } = await clean(await siteOn(shelf), false, openSession());
  expect(shelf.deleted).toEqual(["dray-api-r1-1", "dray-edge", "dray", "dray.api", "dray-edge", "dray/api:r1"]);
  expect(before).toHaveLength(7);
  expect(after).toEqual([{ kind: "volume", name: "dray-data-api-files", data: true }]);
});

test("with the data nothing is left", async () => {
  const shelf = new Shelf();
  expect((await clean(await siteOn(shelf), true, openSession())).after).toEqual([]);
  expect(shelf.volumes.map(({ Name }) => Name)).toEqual(["somebody-elses"]);
});

test("what the engine will not remove is named, with its reason", async () => {
  const shelf = new Shelf();
  shelf.used.add("dray.api");
  await expect(clean(await siteOn(shelf), true, openSession())).rejects.toThrow(
    expect.objectContaining({
      code: "machine.not-clean",
      message: "vm still has: network dray.api",
      details: ["network dray.api: dray.api is in use"],
    }),
  );
});

test("the plan names each thing, and the data that stays; where nothing is there is nothing to agree to", async () => {
  const place = { name: "vm", at: "ops@vm" };
  const found = await belongings(await engineOn(new Shelf()), new AbortController().signal);
  const { stages, notes } = planOf(place, found, false);
  expect(stages[0]?.steps.map(({ title }) => title)).toContain("remove the image dray/api:r1");
  expect(stages[0]?.steps).toHaveLength(6);
  expect(notes).toEqual(["these volumes hold data of services and stay: dray-data-api-files"]);
  expect(planOf(place, [], false).stages).toEqual([]);
});
