import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CATALOGUE } from "../../packages/dray/src/catalogue.ts";
import type { RecipeOrder } from "../../packages/dray/src/core/recipe.ts";
import { ContentStore } from "../../packages/dray/src/oci/content-store.ts";
import { RegistryServer } from "../../packages/dray/src/registries/registry-server.ts";
import { run } from "../../packages/dray/src/base/process.ts";
import { local } from "../../packages/dray/src/machine/local.ts";
import { carry } from "../../packages/dray/src/registries/direct.ts";
import { appImage, ARCHITECTURE, must } from "../world/images.ts";
import { worldFolder } from "../world/owner.ts";
import { quiet } from "./context.ts";

const FIXTURES = fileURLToPath(new URL("../fixtures/models", import.meta.url));
const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

let folder = "";
beforeAll(async () => {
  folder = await worldFolder("dray-contract-");
  await writeFile(path.join(folder, "Dockerfile"), `FROM ${appImage("1")}\nLABEL contract=yes\nEXPOSE 8080\n`);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await must(["sh", "-c", "docker images -q dray-build/contract | xargs -r docker rmi -f"]);
});

/** An order that each recipe can fill, and one that it must refuse: a new recipe brings its own two. */
const ORDERS: Record<string, { good: () => Partial<RecipeOrder>; bad: () => Partial<RecipeOrder>; code: string }> = {
  image: {
    good: () => ({ image: appImage("1") }),
    bad: () => ({ image: "UPPER CASE IS NO NAME" }),
    code: "image.bad-name",
  },
  onnx: {
    good: () => ({ model: path.join(EXAMPLES, "decisions-onnx", "model.onnx") }),
    bad: () => ({ model: "no-such-file.onnx" }),
    code: "image.no-model",
  },
  dockerfile: { good: () => ({}), bad: () => ({ build: "no-such-folder" }), code: "image.no-dockerfile" },
};

describe.each(CATALOGUE.recipes.map((recipe) => [recipe.kind, recipe] as const))("recipe %s", (kind, recipe) => {
  const order = (part: "good" | "bad"): RecipeOrder => {
    const orders = ORDERS[kind];
    if (orders === undefined) throw new Error(`the contract suite has no orders for ${kind}`);
    return { service: "contract", folder, ...orders[part]() };
  };

  test("is the one the catalogue chooses for its own order", () => {
    expect(CATALOGUE.recipes.find((each) => each.wants(order("good")))?.kind).toBe(kind);
  });

  test("makes an image, with its facts, and the same one again", async () => {
    const built = await recipe.make(order("good"), "amd64", quiet());
    expect(built.facts).toMatchObject({ architecture: "amd64", exposed: [8080] });
    expect(built.facts?.size).toBeGreaterThan(1e6);
    expect((await recipe.make(order("good"), "amd64", quiet())).facts?.id).toBe(built.facts?.id);
  });

  test("refuses what it cannot make, with a code and a hint", async () => {
    await expect(recipe.make(order("bad"), "amd64", quiet())).rejects.toMatchObject({
      code: ORDERS[kind]?.code,
      hint: expect.stringMatching(/.+/),
    });
  });

  test("stops when it is told to", async () => {
    const stop = new AbortController();
    const making = recipe.make(order("good"), "amd64", quiet(stop.signal));
    stop.abort();
    await expect(making).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("recipe onnx, in a container", () => {
  test("a model that changes the case of texts finds its locale, and nothing is told to onnxruntime's makers", async () => {
    const recipe = CATALOGUE.recipes.find((each) => each.kind === "onnx");
    const model = path.join(FIXTURES, "made-text-lower", "model.onnx");
    const context = quiet();
    const built = await recipe?.make({ service: "contract", folder, model }, ARCHITECTURE, context);
    await using machine = await local(context.signal);
    const cargo = { digest: built?.cargo?.digest ?? "", name: "contract", tag: "text" };
    await carry(machine, cargo, () => undefined, context.signal);
    const image = "dray/contract:text";
    try {
      const inspect = ["docker", "run", "--rm", "--network", "none", image, "inspect", "--model", "/app/model.onnx"];
      const said = await run(inspect, context);
      expect(JSON.parse(said.stdout)).toMatchObject({ decision: expect.anything() });
      expect(said.stderr).not.toContain("telemetry");
    } finally {
      await must(["docker", "rmi", "-f", image]);
    }
  });
});

describe("recipe onnx, for a processor that this computer has not", () => {
  const order: RecipeOrder = { service: "contract", folder: EXAMPLES, model: "decisions-onnx/model.onnx" };
  const recipe = CATALOGUE.recipes.find((each) => each.kind === "onnx");

  test("takes a base from a registry over HTTP, and onnxruntime for that processor", async () => {
    const store = new ContentStore(path.join(folder, "registry"));
    await store.open();
    const put = async (value: object): Promise<{ digest: string; size: number }> => {
      const content = Buffer.from(JSON.stringify(value));
      return { digest: await store.put(content), size: content.length };
    };
    const layer = await store.put(Buffer.from("a layer"));
    const config = await put({ config: { Env: ["FROM=base"] }, rootfs: { diff_ids: [`sha256:${"0".repeat(64)}`] } });
    const base = await put({ config, layers: [{ digest: layer, size: 7 }] });
    await using registry = new RegistryServer(store, false, {});
    const image = `127.0.0.1:${await registry.listen()}/base@${base.digest}`;
    const built = await recipe?.make({ ...order, base: image, commit: "abc1234" }, "arm64", quiet());
    expect(built?.facts).toMatchObject({ architecture: "arm64" });
    expect(built?.cargo?.layers[0]).toEqual({ digest: layer, size: 7 });
    const made = new ContentStore();
    const manifest = JSON.parse(await made.text(built?.cargo?.digest ?? "")) as { config: { digest: string } };
    expect(JSON.parse(await made.text(manifest.config.digest))).toMatchObject({
      architecture: "arm64",
      config: { Env: ["FROM=base", "NODE_ENV=production"], Labels: { "org.opencontainers.image.revision": "abc1234" } },
    });
  });

  test("says so when there is none, and what to do", async () => {
    await expect(recipe?.make({ ...order, base: "127.0.0.1:1/no:base" }, "arm64", quiet())).rejects.toMatchObject({
      code: "image.no-base",
      hint: expect.stringMatching(/base:|own Node/),
    });
    await expect(recipe?.make(order, "riscv64", quiet())).rejects.toMatchObject({ code: "image.no-base" });
    await expect(recipe?.make({ ...order, limits: { timeout: 1, gpus: 1 } }, "amd64", quiet())).rejects.toMatchObject({
      code: "image.no-base",
      hint: expect.stringContaining("CUDA"),
    });
  });
});
