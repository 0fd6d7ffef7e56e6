import { until } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import { type EngineHealth, type Health, healthOf } from "../../../core/health.ts";
import type { Engine } from "../../../machine/engine.ts";
import { containerLogs } from "../../../probes/logs.ts";

const AGAIN_MS = 200;

/**
 * Waits until the image's HEALTHCHECK says healthy. One that says unhealthy may still recover in the time that there is.
 * @throws Failure image.no-healthcheck, release.not-ready
 */
export async function becomeHealthy(engine: Engine, container: string, limit: AbortSignal): Promise<void> {
  let last: Health | undefined;
  try {
    await until(
      async () => {
        last = await askHealth(engine, container, limit);
        if (last === undefined) throw noHealthcheck();
        return last.status === "healthy" ? true : undefined;
      },
      AGAIN_MS,
      limit,
    );
  } catch (error) {
    if (error instanceof Failure || last === undefined) throw error;
    const { status, said } = last;
    throw new Failure(
      "release.not-ready",
      `the image's HEALTHCHECK still says ${status}: ${said || "it printed nothing"}`,
      {
        hint: "mend what it checks, or the check; a check that runs seldom needs more time: limits: {ready: 5m}",
        details: await containerLogs(engine, container, 10),
        cause: error,
      },
    );
  }
}

async function askHealth(engine: Engine, container: string, signal: AbortSignal): Promise<Health | undefined> {
  const { State } = await engine.get<{ State: { Health?: EngineHealth | null } }>(`/containers/${container}/json`, {
    signal,
  });
  return healthOf(State.Health);
}

function noHealthcheck(): Failure {
  return new Failure("image.no-healthcheck", "ready: healthcheck, and the image has no HEALTHCHECK", {
    hint: "HEALTHCHECK CMD ... in its Dockerfile, or a path of the API: ready: /health",
  });
}
