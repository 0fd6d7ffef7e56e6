import { isIP } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { HandMade } from "../../core/hand-made.ts";
import { serviceNameOf } from "../name.ts";
import { type Carried, Carrier, looksSecret } from "./carried.ts";

/** The engine's own /dev/shm, where nobody asked for another. */
const USUAL_SHM = 64 * 1024 ** 2;
const USUAL_RUNTIME = "runc";
const HTTP = "80";

/** A manifest of a container that runs by hand on a machine: what its image says by itself is left out. */
export function fromContainer(found: HandMade, machine: string, named?: string): Carried {
  const carrier = new Carrier();
  const container = found.Name.replace(/^\//, "");
  carrier.set("service", named ?? serviceNameOf(container));
  carrier.set("machine", machine);
  carryImage(found, machine, carrier);
  carryProgram(found, carrier);
  carryEnvironment(found, carrier);
  carryPorts(found, container, carrier);
  carryMounts(found, carrier);
  carryLimits(found, carrier);
  carryHost(found, carrier);
  return { manifest: carrier.manifest, left: carrier.left };
}

function carryImage({ Config, inRegistry }: HandMade, machine: string, carrier: Carrier): void {
  const { Image: image = "" } = Config;
  carrier.set("image", image);
  if (!inRegistry)
    carrier.leave(
      "image",
      `it is on ${machine} only: ssh ${machine} docker save ${image} | docker load; or build: here`,
    );
}

function carryProgram({ Config, image }: HandMade, carrier: Carrier): void {
  const differs = (key: "Entrypoint" | "Cmd"): boolean => !isDeepStrictEqual(Config[key] ?? [], image[key] ?? []);
  if (differs("Entrypoint")) {
    carrier.set("command", Config.Entrypoint ?? undefined);
    if ((Config.Cmd ?? []).length > 0) carrier.set("args", Config.Cmd);
  } else if (differs("Cmd")) carrier.set((image.Entrypoint ?? []).length > 0 ? "args" : "command", Config.Cmd);
  if (Config.User !== image.User && (Config.User ?? "") !== "") carrier.set("user", Config.User);
  if (Config.StopSignal !== image.StopSignal) carrier.set("stopSignal", Config.StopSignal);
}

function carryEnvironment({ Config, image }: HandMade, carrier: Carrier): void {
  const own = (Config.Env ?? []).filter((line) => image.Env?.includes(line) !== true);
  const pairs = own.map((line): [string, string] => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  });
  const secrets = pairs.map(([name]) => name).filter(looksSecret);
  const env = Object.fromEntries(pairs.filter(([name]) => !looksSecret(name)));
  if (Object.keys(env).length > 0) carrier.set("env", env);
  if (secrets.length > 0) carrier.set("secrets", secrets);
  for (const name of secrets)
    carrier.leave(`env.${name}`, `its value is not written down: export ${name}=... here before dray deploy`);
}

/** The port that is published is the one to lead clients to; the edge takes it over. */
function carryPorts({ HostConfig }: HandMade, container: string, carrier: Carrier): void {
  const published = Object.entries(HostConfig.PortBindings ?? {}).flatMap(([inside, bindings]) =>
    (bindings ?? []).map(({ HostPort }) => ({ inside: Number.parseInt(inside, 10), outside: HostPort })),
  );
  const first = published.find(({ outside }) => outside === HTTP) ?? published[0];
  if (first === undefined) return;
  carrier.set("port", first.inside);
  if (first.outside === HTTP)
    carrier.leave(
      "port 80",
      `${container} holds it until it is stopped; without a gap: edge: {port: 8080}, move the callers, then docker stop ${container}`,
    );
  else
    carrier.leave(
      `port ${first.outside}`,
      `the edge serves at port 80 beside it: move the callers, then docker stop ${container}`,
    );
  for (const { inside } of published.filter((each) => each.inside !== first.inside))
    carrier.leave(`port ${inside}`, `one port is public, ${first.inside}; nobody reaches ${inside} from outside`);
}

function carryMounts({ Mounts }: HandMade, carrier: Carrier): void {
  const names = new Set<string>();
  for (const { Type, Name, Source, Destination, RW } of Mounts ?? []) {
    if (Type !== "bind" && Type !== "volume")
      carrier.leave(Destination, `a mount of the kind ${Type} has no place here`);
    else if (Source.endsWith("docker.sock")) carrier.leave(Destination, "no container gets the engine's socket");
    else {
      const base = serviceNameOf(Destination.slice(1).replaceAll("/", "-")) || "data";
      const name = names.has(base) ? `${base}-${names.size}` : base;
      names.add(name);
      carrier.within("volumes", name, {
        at: Destination,
        from: Type === "volume" ? Name : Source,
        ...(RW ? { write: true } : {}),
      });
    }
  }
}

const mib = (bytes: number): string => `${Math.max(1, Math.round(bytes / 1024 ** 2))}MiB`;

function carryLimits({ HostConfig: host }: HandMade, carrier: Carrier): void {
  const positive = (value: number | null | undefined): value is number => (value ?? 0) > 0;
  if (positive(host.Memory)) carrier.within("limits", "memory", mib(host.Memory));
  if (positive(host.NanoCpus)) carrier.within("limits", "cpus", host.NanoCpus / 1e9);
  if (positive(host.PidsLimit)) carrier.within("limits", "pids", host.PidsLimit);
  if (positive(host.ShmSize) && host.ShmSize > USUAL_SHM) carrier.within("limits", "shm", mib(host.ShmSize));
  for (const { Name, Soft } of host.Ulimits ?? []) {
    if (Name === "nofile") carrier.within("limits", "nofile", Soft);
    else carrier.leave(`ulimit ${Name}`, "only open files have a limit of their own: limits.nofile");
  }
  const [cards] = host.DeviceRequests ?? [];
  if (cards !== undefined) carrier.within("limits", "gpus", cards.DeviceIDs?.length ?? Math.max(1, cards.Count));
}

function carryHost({ HostConfig: host }: HandMade, carrier: Carrier): void {
  if (host.ReadonlyRootfs === true) carrier.set("readOnly", true);
  if (host.Init === false) carrier.set("init", false);
  if (host.Runtime !== undefined && host.Runtime !== USUAL_RUNTIME) carrier.set("runtime", host.Runtime);
  for (const line of host.ExtraHosts ?? []) {
    const at = line.indexOf(":");
    const address = line.slice(at + 1);
    if (isIP(address) !== 0 || address === "host-gateway") carrier.within("hosts", line.slice(0, at), address);
    else carrier.leave(`host ${line}`, "a line of /etc/hosts has an address");
  }
  if (host.Privileged === true) carrier.leave("--privileged", "no replica gets all rights of the machine");
  for (const each of host.CapAdd ?? [])
    carrier.leave(`--cap-add ${each}`, "a replica has the rights that ordinary images need");
  if ((host.Devices ?? []).length > 0) carrier.leave("--device", "of devices only GPUs are handed on: limits.gpus");
  if (host.NetworkMode === "host")
    carrier.leave("--network host", "a service has a network of its own, and the edge in front");
}
