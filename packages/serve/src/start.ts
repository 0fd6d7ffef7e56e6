import { readFile } from "node:fs/promises";
import { existsSync, type FSWatcher, watch } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pino } from "pino";
import type { Registry } from "prom-client";
import { makeMeters } from "./http/metrics.ts";
import { makeServer, type Server } from "./http/server.ts";
import { tracingOf } from "./http/spans.ts";
import { weightsNamed } from "./model/prepare.ts";
import { Refusal } from "./refusal.ts";
import { makeService, type Service } from "./service.ts";
import { RunWatch } from "./run-watch.ts";
import { parseSchema } from "./schema/schema-file.ts";
import type { Row } from "./schema/row.ts";
import type { Settings } from "./settings.ts";

export interface Running extends Server {
  address: string;
  registry: Registry;
  /** Stops accepting, finishes what is in flight. */
  close(): Promise<void>;
}

/** The workers of one server, as one of them sees them. */
export interface Group {
  /** Prometheus text of all of them. */
  metrics: () => Promise<string>;
  /** Says that this one has loaded its model; resolves when all have. */
  loaded: () => Promise<void>;
  /** Does it take the place of one that died? The others are ready, and so nobody may be told that it is not. */
  replaces: boolean;
}

/** Listens first (live, not ready), then loads and warms the model, then is ready. @throws Refusal */
export async function start(settings: Settings, group?: Group): Promise<Running> {
  const identity = { service: settings.service, release: settings.release, route: settings.route };
  const meters = makeMeters(settings.service, settings.release);
  const { AIP_PREDICT_ROUTE: predict, AIP_HEALTH_ROUTE: health } = process.env;
  const log = pino({ level: settings.log, base: { service: settings.service, release: settings.release } });
  const server = makeServer({
    identity,
    platforms: predict === undefined || health === undefined ? {} : { vertex: { predict, health } },
    meters,
    metrics: group?.metrics ?? (async () => await meters.registry.metrics()),
    bodyLimit: settings.body,
    log,
    tracing: tracingOf(process.env, settings.service),
    fast: settings.wire === "fast",
  });
  const listen = async (): Promise<string> => await server.app.listen({ host: settings.host, port: settings.port });
  const early = group?.replaces === true ? undefined : await listen();
  const runs = new RunWatch();
  let service = await load(settings, meters, runs);
  runs.start(settings.timeoutMs + GRACE_MS);
  server.serve(service);
  await group?.loaded();
  server.ready();
  const address = early ?? (await listen());
  log.info({ address, model: service.model.digest, batching: service.batching }, "ready");
  if (service.exampleRefused !== undefined) log.warn({ said: service.exampleRefused }, NO_EXAMPLE);
  const reload = async (): Promise<void> => {
    const old = service;
    service = await load(settings, meters, runs);
    server.serve(service);
    old.batcher.close();
    log.info({ model: service.model.digest }, "reloaded");
  };
  const unwatch = settings.watch ? await watchFiles(settings, reload, (error) => log.error(error)) : undefined;
  const close = async (): Promise<void> => {
    unwatch?.();
    // What is in flight is answered by then; who is still sending has no end.
    const late = setTimeout(() => server.app.server.closeAllConnections(), settings.timeoutMs + GRACE_MS);
    await server.app.close();
    clearTimeout(late);
    service.batcher.close();
    await runs.close();
  };
  return { ...server, address, registry: meters.registry, close };
}

const NO_EXAMPLE =
  "the model did not take the example that was made up for it, so it was not warmed up: give one in schema.yaml (example:) or as a golden request";

/** By then whoever asked was told that it takes too long, by the edge or by its own patience. */
const GRACE_MS = 1000;

const SETTLE_MS = 200;

/** Calls `reload` when the model, its weights, the schema or the golden file changed; what cannot be loaded leaves the old one serving. */
async function watchFiles(
  settings: Settings,
  reload: () => Promise<void>,
  onError: (error: unknown) => void,
): Promise<() => void> {
  let files = await watched(settings);
  let timer: NodeJS.Timeout | undefined;
  const again = async (): Promise<void> => {
    // A model that cannot be loaded yet may name weights that are still being written.
    files = await watched(settings);
    follow();
    await reload();
  };
  const watchers = new Map<string, FSWatcher>();
  // Folders are watched, not files: editors and exporters put a new file in the place of the old one.
  const follow = (): void => {
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      if (watchers.has(folder) || !existsSync(folder)) continue;
      const onChange = (_event: string, name: string | null): void => {
        if (name === null || !files.includes(join(folder, name))) return;
        clearTimeout(timer);
        timer = setTimeout(() => void again().catch(onError), SETTLE_MS);
      };
      watchers.set(folder, watch(folder, onChange));
    }
  };
  follow();
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers.values()) watcher.close();
  };
}

async function watched({ model, schema, golden }: Settings): Promise<string[]> {
  const weights = weightsNamed(await readFile(model).catch(() => new Uint8Array()));
  const beside = weights.map((name) => join(dirname(model), name));
  return [model, schema, golden, ...beside].filter((file) => file !== undefined).map((file) => resolve(file));
}

/** Loads the model, its schema and its golden row as the settings say. @throws Refusal */
export async function load(
  settings: Settings,
  meters: ReturnType<typeof makeMeters>,
  runs?: RunWatch,
): Promise<Service> {
  const [file, schema, example] = await Promise.all([
    readFile(settings.model),
    settings.schema === undefined ? "" : readFile(settings.schema, "utf8"),
    exampleRow(settings),
  ]);
  const { batch, queue, rows, timeoutMs, threads, gpu } = settings;
  return await makeService(
    {
      source: { file, folder: dirname(resolve(settings.model)) },
      schema: parseSchema(schema),
      ...(example === undefined ? {} : { example }),
      load: { threads, gpu },
      limits: { batch, queue, rows, timeoutMs },
      ...(runs === undefined ? {} : { watch: runs }),
    },
    meters,
  );
}

/** The row that was given as an example, else the golden one. @throws Refusal for a file that is no JSON */
async function exampleRow({ example, golden, route }: Settings): Promise<Row | undefined> {
  if (example === undefined) return golden === undefined ? undefined : await goldenRow(golden, route);
  try {
    const found = JSON.parse(await readFile(example, "utf8")) as Row | Row[];
    return Array.isArray(found) ? found[0] : found;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal(400, `the example cannot be read: ${why}`);
  }
}

/** The body of the first golden request to our own route: what the model is warmed up with. */
async function goldenRow(file: string, route: string): Promise<Row | undefined> {
  if (!existsSync(file)) return undefined;
  interface Golden {
    request: { path: string; body?: unknown };
  }
  const all = JSON.parse(await readFile(file, "utf8")) as Golden | Golden[];
  const found = [all].flat().find((each) => each.request.path === route)?.request.body;
  return (Array.isArray(found) ? found[0] : found) as Row | undefined;
}
