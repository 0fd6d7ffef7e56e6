import { expect, test } from "vitest";
import { Engine, EngineError } from "../../../machine/engine.ts";
import { makeRoomOn, refuseOvertaken, removeMark, setMark } from "./half-restored.ts";

const { signal } = new AbortController();

/** An engine that knows containers by name, with the labels of one, and volumes. */
class Shelf extends Engine {
  readonly deleted: string[] = [];
  readonly containers: { Id: string; Names: string[]; Labels: Record<string, string> }[] = [];
  readonly volumes: { Name: string; Labels: Record<string, string> | null }[] = [];

  constructor() {
    super(() => Promise.reject(new Error("nobody dials")));
  }

  override call<T>(method: string, path: string, options: Parameters<Engine["call"]>[2]): Promise<T> {
    const { name } = (options.query ?? {}) as { name?: string };
    const { Labels: labels = {} } = (options.body ?? {}) as { Labels?: Record<string, string> };
    if (method === "POST") return this.#create(name, labels) as Promise<T>;
    if (method === "DELETE") this.deleted.push(path);
    if (path === "/containers/json") return Promise.resolve(this.containers as T);
    if (path === "/volumes") return Promise.resolve({ Volumes: this.volumes } as T);
    const [, kind, id = ""] = path.split("/");
    if (kind !== "containers" || method === "DELETE") return Promise.resolve([] as T);
    const found = this.containers.find(({ Id, Names }) => Id === id || Names.includes(`/${id}`));
    if (found === undefined) return Promise.reject(new EngineError(404, "no such container"));
    return Promise.resolve({ Id: found.Id, Config: found } as T);
  }

  #create(name: string = "", labels: Record<string, string>): Promise<unknown> {
    if (this.has(name)) return Promise.reject(new EngineError(409, "the name is in use"));
    this.add(name, labels);
    return Promise.resolve({ Id: `id-of-${name}` });
  }

  has(name: string): boolean {
    return this.containers.some(({ Names }) => Names.includes(`/${name}`));
  }

  add(name: string, labels: Record<string, string> = { "dray.role": "any" }): void {
    this.containers.push({ Id: `id-of-${name}`, Names: [`/${name}`], Labels: labels });
  }
}

/** As a restore leaves it that was killed while its edge was set up. */
async function killed(): Promise<Shelf> {
  const engine = new Shelf();
  await setMark(engine, "edge:1", ["dray-edge", "dray-data-api-files"], signal);
  for (const name of ["dray-backup-0a1b2c3d", "dray-setup", "dray-edge"]) engine.add(name);
  engine.volumes.push({ Name: "dray-edge", Labels: null });
  engine.volumes.push({ Name: "dray-data-api-files", Labels: { "dray.role": "data" } });
  return engine;
}

test("what a killed restore has left goes, its mark last of all", async () => {
  const engine = await killed();
  await makeRoomOn({ engine, name: "vm" }, signal);
  expect(engine.deleted).toEqual([
    "/containers/dray-backup-0a1b2c3d",
    "/containers/dray-setup",
    "/containers/dray-edge",
    "/volumes/dray-edge",
    "/volumes/dray-data-api-files",
    "/containers/id-of-dray-restore",
  ]);
});

test.each([
  ["a replica", (engine: Shelf) => engine.add("dray-api-1abc-1"), "container dray-api-1abc-1"],
  [
    "a volume that it does not make",
    (engine: Shelf) => void engine.volumes.push({ Name: "dray-keeper", Labels: null }),
    "volume dray-keeper",
  ],
])("beside %s nothing of it is touched", async (_what, add, named) => {
  const engine = await killed();
  add(engine);
  await expect(makeRoomOn({ engine, name: "vm" }, signal)).rejects.toThrow(
    expect.objectContaining({ code: "backup.in-use", message: `vm has ${named} of dray already` }),
  );
  expect(engine.deleted).toEqual([]);
});

test("without a mark an edge is in the way, and an empty machine is not", async () => {
  const engine = new Shelf();
  await makeRoomOn({ engine, name: "vm" }, signal);
  engine.add("dray-edge");
  await expect(makeRoomOn({ engine, name: "vm" }, signal)).rejects.toThrow(
    expect.objectContaining({ code: "backup.in-use" }),
  );
});

test("of two restores at once only one goes on: the one whose mark is there", async () => {
  const engine = new Shelf();
  const mark = await setMark(engine, "edge:1", ["dray-edge"], signal);
  const refused = expect.objectContaining({ message: "somebody else restores a backup to this machine" });
  await expect(setMark(engine, "edge:1", [], signal)).rejects.toThrow(refused);
  await expect(refuseOvertaken(engine, mark, signal)).resolves.toBeUndefined();
  await expect(refuseOvertaken(engine, { ...mark, id: "another" }, signal)).rejects.toThrow(refused);
  await removeMark(engine, mark, signal);
  expect(engine.deleted).toEqual(["/containers/id-of-dray-restore"]);
});
