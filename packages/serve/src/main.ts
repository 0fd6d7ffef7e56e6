#!/usr/bin/env node
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import path from "node:path";
import { conduct, play } from "./cluster.ts";
import { inspect } from "./inspect.ts";
import { weightsNamed } from "./model/prepare.ts";
import { checkWeights, digestOf } from "./model/weights.ts";
import { Refusal } from "./refusal.ts";
import { readSettings, type Settings } from "./settings.ts";
import { start } from "./start.ts";

function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof Refusal ? 3 : 2);
}

function settingsOrExit(): Settings {
  try {
    return readSettings(process.argv.slice(2), process.env, (file) => readFileSync(file, "utf8"));
  } catch (error) {
    return fail(error);
  }
}

async function alone(settings: Settings): Promise<void> {
  const running = await start(settings);
  const stop = (): void => {
    running.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.once("SIGTERM", stop).once("SIGINT", stop);
}

async function look(settings: Settings): Promise<void> {
  process.stdout.write(`${JSON.stringify(await inspect(settings))}\n`);
}

/** Says which files a model's weights are in, without loading it. */
async function weigh({ model }: Settings): Promise<void> {
  const file = readFileSync(model);
  const names = weightsNamed(file);
  const folder = path.dirname(path.resolve(model));
  await checkWeights(names, folder);
  process.stdout.write(`${JSON.stringify({ names, digest: await digestOf(file, names, folder) })}\n`);
}

const settings = settingsOrExit();
if (process.argv.includes("inspect")) look(settings).catch(fail);
else if (process.argv.includes("weights")) weigh(settings).catch(fail);
else if (cluster.isWorker) play(settings).catch(fail);
// The first process of a container can be ended by nobody inside of it, and a run that never ends must be.
else if ((settings.workers > 1 || process.pid === 1) && !settings.watch) conduct(settings.workers);
else alone(settings).catch(fail);
