import type { Engine } from "../../../machine/engine.ts";

/** Bytes a container uses that the kernel cannot take back, and may use; undefined where it has no limit. */
export async function memoryOf(
  engine: Engine,
  container: string,
  signal: AbortSignal,
): Promise<{ used: number; limit: number } | undefined> {
  interface Stats {
    memory_stats?: { usage?: number; limit?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
  }
  const [inspected, stats] = await Promise.all([
    engine.get<{ HostConfig: { Memory: number } }>(`/containers/${container}/json`, { signal }),
    engine.get<Stats>(`/containers/${container}/stats`, { query: { stream: false, "one-shot": true }, signal }),
  ]);
  const { usage, stats: parts } = stats.memory_stats ?? {};
  if (inspected.HostConfig.Memory === 0 || usage === undefined) return undefined;
  // As `docker stats` counts: cached files go when memory is short (cgroup 2 and 1 name them differently).
  const cached = parts?.inactive_file ?? parts?.total_inactive_file ?? 0;
  return { used: usage - cached, limit: inspected.HostConfig.Memory };
}
