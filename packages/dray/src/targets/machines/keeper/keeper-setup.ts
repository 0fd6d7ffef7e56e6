import { sleep } from "drayage-clock";
import { Failure } from "../../../base/failure.ts";
import type { Context } from "../../../core/context.ts";
import { OWN_SHELL } from "../../../core/own-shell.ts";
import { EDGE, EDGE_VOLUME, KEEPER, WARDEN } from "../../../edge/edge.ts";
import { isMissing, isTaken } from "../../../machine/engine.ts";
import { CAGE } from "../container/container.ts";
import { oneSetupAtATime } from "../container/one-setup.ts";
import type { Work } from "../plan/work.ts";
import { keeperStatus } from "../../../edge/keeper-status.ts";
import { freeAddress, join, joinServices, KEEPER_NETWORK, makeNetwork } from "../container/network.ts";
import { edgeOf, type Site } from "../plan/observe.ts";
import { KEEPER_APART_LABEL, KEEPER_SECRETS_LABEL, secretsOfKeeper } from "../container/labels.ts";
import { KEEPER_SECRETS, makeSecretsVolume, secretsVolume } from "../container/secrets.ts";

/** What nobody else has mounted: secrets, sealed, and the key to them. */
export const KEEPER_VOLUME = { name: "dray-keeper", path: "/var/lib/dray-keeper" };
const KEEPER_IMAGE_LABEL = "dray.image";

const POLL_MS = 200;
const START_MS = 30_000;
const MEMORY_BYTES = 256 * 1024 ** 2;
const WARDEN_BYTES = 96 * 1024 ** 2;
const ENGINE_SOCKET = "/var/run/docker.sock";

/** What a keeper is to be: its image, and the services whose secrets it holds. */
export interface KeeperWanted {
  image: string;
  secrets: readonly string[];
}

/** Makes the keeper's container, or starts what is there; one that lacks something makes room. Resolves to its address. @throws Failure keeper.failed */
export async function setUpKeeper(work: Work, wanted: KeeperWanted, context: Context): Promise<string> {
  const { site, edgeImage } = work;
  const { signal } = context;
  return await oneSetupAtATime(site.machine, edgeImage, context, async () => {
    const before = (await keeperStatus(edgeOf(site)))?.startedAt;
    const there = await look(site, signal);
    const secrets = [...new Set([...(there?.secrets ?? []), ...wanted.secrets])].toSorted();
    const fits = there?.image === wanted.image && there.secrets.length === secrets.length;
    if (there !== undefined && fits && there.running) return there.address;
    if (there !== undefined) await removeKeeper(site, signal);
    const address = freeAddress(await makeNetwork(site.machine.engine, KEEPER_NETWORK, signal), work.taken);
    await join(site.machine.engine, KEEPER_NETWORK, { container: EDGE }, signal);
    await create(site, { image: wanted.image, secrets }, address, signal);
    await createWarden(site, wanted.image, context);
    await up(site, before, signal);
    return address;
  });
}

async function up(site: Site, before: string | undefined, signal: AbortSignal): Promise<void> {
  const until = performance.now() + START_MS;
  while (performance.now() < until) {
    const status = await keeperStatus(edgeOf(site));
    if (status !== undefined && status.startedAt !== before) return;
    await sleep(POLL_MS, signal);
  }
  throw new Failure("keeper.failed", `the keeper on ${site.machine.name} does not come up`, {
    hint: `ssh ${site.machine.name} docker logs ${KEEPER}`,
  });
}

async function look(
  site: Site,
  signal: AbortSignal,
): Promise<{ image: string; secrets: string[]; running: boolean; address: string } | undefined> {
  interface Inspected {
    State: { Running: boolean };
    Config: { Labels: Record<string, string> };
  }
  try {
    const found = await site.machine.engine.get<Inspected>(`/containers/${KEEPER}/json`, { signal });
    const { [KEEPER_IMAGE_LABEL]: image = "", "dray.address": address = "" } = found.Config.Labels;
    return { image, address, secrets: secretsOfKeeper(found.Config.Labels), running: found.State.Running };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function create(
  site: Site,
  { image, secrets }: KeeperWanted,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  const { engine } = site.machine;
  for (const service of secrets) await makeSecretsVolume(engine, service, signal);
  const body = {
    Image: image,
    // Where it listens: in the networks of the services, which it is in to ask replicas, it does not.
    Env: [`DRAY_LISTEN=${address}`, `DRAY_VAULT=${KEEPER_VOLUME.path}`],
    Labels: {
      "dray.role": "keeper",
      [KEEPER_APART_LABEL]: "1",
      [KEEPER_IMAGE_LABEL]: image,
      "dray.address": address,
      [KEEPER_SECRETS_LABEL]: secrets.join(","),
    },
    HostConfig: {
      ...CAGE,
      CapAdd: [],
      Memory: MEMORY_BYTES,
      MemorySwap: MEMORY_BYTES,
      ReadonlyRootfs: true,
      NetworkMode: KEEPER_NETWORK,
      RestartPolicy: { Name: "always" },
      Mounts: [
        { Type: "volume", Source: EDGE_VOLUME.name, Target: EDGE_VOLUME.path },
        { Type: "volume", Source: KEEPER_VOLUME.name, Target: KEEPER_VOLUME.path },
        // Empty when it is made, and then filled by the engine with what the image has there: the shell of the replicas.
        { Type: "volume", Source: OWN_SHELL.volume, Target: OWN_SHELL.folder },
        ...secrets.map((service) => ({
          Type: "volume",
          Source: secretsVolume(service),
          Target: `${KEEPER_SECRETS}/${service}`,
        })),
      ],
    },
    NetworkingConfig: { EndpointsConfig: { [KEEPER_NETWORK]: { IPAMConfig: { IPv4Address: address } } } },
  };
  // Somebody else's deploy may have been quicker: then theirs is as good.
  await engine.post("/containers/create", { query: { name: KEEPER }, body, signal }).catch((error: unknown) => {
    if (!isTaken(error)) throw error;
  });
  await joinServices(engine, KEEPER, signal);
  await engine.post(`/containers/${KEEPER}/start`, { signal });
}

/**
 * The warden: the keeper's image with the engine's socket and without a network. It restarts replicas that the keeper
 * names and notes how they ended. Where the socket is not to be had, replicas are only not restarted: it is said.
 */
async function createWarden(site: Site, image: string, { signal, emit }: Context): Promise<void> {
  const { engine } = site.machine;
  const body = {
    Image: image,
    Cmd: ["ward"],
    Labels: { "dray.role": "warden", [KEEPER_IMAGE_LABEL]: image },
    HostConfig: {
      ...CAGE,
      CapAdd: [],
      Memory: WARDEN_BYTES,
      MemorySwap: WARDEN_BYTES,
      ReadonlyRootfs: true,
      NetworkMode: "none",
      RestartPolicy: { Name: "always" },
      Mounts: [
        { Type: "volume", Source: EDGE_VOLUME.name, Target: EDGE_VOLUME.path },
        { Type: "bind", Source: ENGINE_SOCKET, Target: ENGINE_SOCKET },
      ],
    },
  };
  try {
    await engine.post("/containers/create", { query: { name: WARDEN }, body, signal }).catch((error: unknown) => {
      if (!isTaken(error)) throw error;
    });
    await engine.post(`/containers/${WARDEN}/start`, { signal });
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    emit({ type: "warning", text: `replicas of ${site.machine.name} that hang will not be restarted: ${why}` });
  }
}

/** Ends the keeper and the warden; what they keep is in the edge's volume. */
export async function removeKeeper(site: Site, signal: AbortSignal): Promise<void> {
  for (const name of [WARDEN, KEEPER]) {
    await site.machine.engine
      .call("DELETE", `/containers/${name}`, { query: { force: true }, signal })
      .catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
  }
}
