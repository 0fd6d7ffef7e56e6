import { within } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import { type Context, under } from "../../../core/context.ts";
import { type Engine, isMissing } from "../../../machine/engine.ts";
import { containerLogs, logLines } from "../../../probes/logs.ts";
import { imageName } from "../image/bring.ts";
import { onceContainer } from "../container/container.ts";
import { inspectState } from "./diagnose.ts";
import { explainRefusedContainer, imageConfig } from "../container/program.ts";
import { secretsOf } from "../container/secrets.ts";
import type { Work } from "../plan/work.ts";

const LAST_LINES = 10;
const REMOVE_MS = 10_000;

/**
 * Runs a program once in a container of the new release, and waits for its end however long that takes. Whatever comes of
 * it, the container is gone afterwards; a killed dray's is removed by the next deploy. @throws Failure release.before-failed
 */
export async function runBefore(work: Work, argv: readonly string[], context: Context): Promise<void> {
  const { site, release } = work;
  const { engine, name: machine } = site.machine;
  const container = `dray-${release.service}-${release.id}-before`;
  const image = release.image.startsWith("sha256:") ? release.image : imageName(release);
  const config = await imageConfig(engine, image, context);
  const body = onceContainer(release, { image, config, secrets: secretsOf(release) }, argv);
  const { signal } = context;
  try {
    await engine.post("/containers/create", { query: { name: container }, body, signal });
    await engine.post(`/containers/${container}/start`, { signal });
    await tellLines(engine, container, machine, context);
    await engine.post(`/containers/${container}/wait`, { signal });
    await refuseFailed(engine, container, argv, signal);
  } catch (error) {
    throw explainRefusedContainer(error, release, machine);
  } finally {
    // The plan's own signal may have ended already.
    await within(REMOVE_MS, undefined, (fresh) => removeContainer(engine, container, under(context, fresh)));
  }
}

/** What it writes, as it comes. */
async function tellLines(engine: Engine, container: string, machine: string, context: Context): Promise<void> {
  const query = { stdout: true, stderr: true, follow: true };
  const answer = await engine.bytes("GET", `/containers/${container}/logs`, { query, signal: context.signal });
  for await (const text of logLines(answer)) context.emit({ type: "line", on: machine, text });
}

async function refuseFailed(
  engine: Engine,
  container: string,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { ExitCode: code, OOMKilled } = await inspectState(engine, container, signal);
  if (code === 0) return;
  const how = OOMKilled ? "was killed: it needs more memory than limits.memory" : `ended with exit code ${code}`;
  throw new Failure("release.before-failed", `before: ${argv.join(" ")} ${how}`, {
    hint: "mend it and deploy again: it runs again, and the old release serves meanwhile",
    details: await containerLogs(engine, container, LAST_LINES).catch(() => []),
  });
}

async function removeContainer(engine: Engine, container: string, { signal }: Context): Promise<void> {
  const query = { force: true, v: true };
  await engine.call("DELETE", `/containers/${container}`, { query, signal }).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}
