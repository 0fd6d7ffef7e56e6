import { once } from "node:events";
import http from "node:http";
import { json } from "node:stream/consumers";

const ENGINE = "/var/run/docker.sock";

/** Processor time that a container has had, in microseconds, as the engine's own numbers say (GET /containers/{id}/stats); its command line has only a percentage. */
export async function cpuUs(container: string): Promise<number> {
  const request = http.get({ socketPath: ENGINE, path: `/containers/${container}/stats?stream=false&one-shot=true` });
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  const { cpu_stats: cpu } = (await json(answer)) as { cpu_stats: { cpu_usage: { total_usage: number } } };
  return cpu.cpu_usage.total_usage / 1000;
}
