import { sleep } from "drayage-clock";
import { Failure } from "../../base/failure.ts";
import type { OnWait } from "../../google/operation.ts";
import { type Compute, zonal } from "./compute.ts";
import { NAMESPACE } from "./resources.ts";

const EVERY_MS = 2000;
const BOOT_MS = 240_000;
const DOCKER_MS = 600_000;
const TAIL_LINES = 12;

interface Place {
  name: string;
  zone: string;
}

/** What the machine itself has told the cloud, below a namespace: `hostkeys/` is filled by Google's guest agent. */
async function attributes(compute: Compute, { name, zone }: Place, namespace: string): Promise<Map<string, string>> {
  interface Found {
    queryValue?: { items?: { key: string; value: string }[] };
  }
  const url = `instances/${name}/getGuestAttributes?queryPath=${encodeURIComponent(`${namespace}/`)}`;
  const found = await compute.find<Found>(zonal(zone), url);
  return new Map(found?.queryValue?.items?.map(({ key, value }) => [key, value.trim()]) ?? []);
}

/**
 * Waits until the machine has told its SSH host keys by way of the cloud: nothing is trusted on first use. Google's
 * agent tells one key after the other, so they are all there when two looks see the same. Lines as known_hosts has
 * them, without the name. @throws Failure machine.setup-failed
 */
export async function hostKeys(compute: Compute, place: Place, onWait: OnWait, signal: AbortSignal): Promise<string[]> {
  const startedAt = performance.now();
  let seen = 0;
  for (;;) {
    const found = await attributes(compute, place, "hostkeys");
    if (found.size > 0 && found.size === seen) return [...found].map(([kind, key]) => `${kind} ${key}`);
    seen = found.size;
    if (performance.now() - startedAt > BOOT_MS)
      throw await notUp(compute, place, "it has not told its host keys", signal);
    onWait(`${Math.round((performance.now() - startedAt) / 1000)} s`);
    await sleep(EVERY_MS, signal);
  }
}

/** Waits until the startup script has said how it went. @throws Failure machine.setup-failed with its last words */
export async function dockerReady(compute: Compute, place: Place, onWait: OnWait, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  for (;;) {
    const told = (await attributes(compute, place, NAMESPACE)).get("docker") ?? "not begun";
    if (told === "ready") return;
    if (told.startsWith("failed")) throw await notUp(compute, place, `its startup script ${told}`, signal);
    if (performance.now() - startedAt > DOCKER_MS)
      throw await notUp(compute, place, `its startup script has not ended (${told})`, signal);
    onWait(told);
    await sleep(EVERY_MS, signal);
  }
}

async function notUp(compute: Compute, { name, zone }: Place, why: string, signal: AbortSignal): Promise<Failure> {
  const said = await serialTail(compute.under(signal), { name, zone }).catch(() => []);
  return new Failure("machine.setup-failed", `${name} runs, but ${why}`, {
    hint: `look: gcloud compute instances get-serial-port-output ${name} --zone ${zone}; again: dray machine create ${name}; away with it: dray machine rm ${name}`,
    details: said,
  });
}

/** The end of what the machine wrote on its first serial port: boot, and the startup script's output. */
export async function serialTail(compute: Compute, { name, zone }: Place): Promise<string[]> {
  const { contents = "" } = await compute.get<{ contents?: string }>(zonal(zone), `instances/${name}/serialPort`, {
    port: "1",
  });
  return contents.trimEnd().split(/\r?\n/).slice(-TAIL_LINES);
}
