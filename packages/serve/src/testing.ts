import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readSettings } from "./settings.ts";
import { type Running, start } from "./start.ts";

/** A file of the example whose model decides about loans. */
export const example = (name: string): string =>
  fileURLToPath(new URL(`../../../examples/decisions-onnx/${name}`, import.meta.url));

/** A model of this package's fixtures. */
export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}.onnx`, import.meta.url));

/** A server in this process, on a port of its own; `flags` as on the command line. */
export async function startTest(flags: Record<string, string | number>): Promise<Running> {
  const own = { port: 0, host: "127.0.0.1", workers: 1, log: "silent" };
  const argv = Object.entries({ ...own, ...flags }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return await start(readSettings(argv, {}, (file) => readFileSync(file, "utf8")));
}

/** The example with its schema and its golden request. */
export const LOANS = {
  model: example("model.onnx"),
  schema: example("schema.yaml"),
  golden: example("golden.json"),
  service: "loans",
  release: "r1",
};

/** Sends JSON. */
export async function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  return await fetch(url, { method: "POST", body: sent, headers: { "content-type": "application/json", ...headers } });
}

/** A model of other people's exporters. */
export const stranger = (name: string): string =>
  fileURLToPath(new URL(`../../../test/fixtures/models/${name}/model.onnx`, import.meta.url));
