import { parse } from "yaml";
import { Failure } from "../../base/failure.ts";
import { serviceNameOf } from "../name.ts";
import { type Carried, Carrier, listOf, recordOf, textOf } from "./carried.ts";
import { carryBeside, type CarryService } from "./compose-beside.ts";
import {
  argvOf,
  carryBuild,
  carryPorts,
  carryEnvironment,
  carryVolumes,
  carryDeploy,
  carryHealthcheck,
  carryRuntime,
  carryHosts,
  carryUlimits,
  numberOf,
  sizeOf,
} from "./compose-keys.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Where a compose file is, which of its services is meant, and the variables that it is read with. */
export interface ComposeFile {
  source: string;
  /** For messages. */
  file: string;
  service?: string;
  variables: Variables;
}

/**
 * A manifest of a service of a compose file (compose-spec). What only other containers or this computer have is left,
 * by name. @throws Failure manifest.syntax, usage.invalid
 */
export function fromCompose({ source, file, service, variables }: ComposeFile): Carried {
  const all = recordOf(recordOf(read(source, file))["services"]);
  const name = choose(all, service, file);
  const carry: CarryService = (each, carrier) => carryService(recordOf(all[each]), variables, carrier);
  const carrier = new Carrier();
  carrier.set("service", serviceNameOf(name));
  carry(name, carrier);
  carryBeside(all, name, carrier, carry);
  return { manifest: carrier.manifest, left: carrier.left };
}

function carryService(said: Record<string, unknown>, variables: Variables, carrier: Carrier): void {
  const filled = recordOf(fill(said, variables));
  for (const [key, value] of Object.entries(filled)) {
    const one = KEYS[key];
    if (one === undefined) carrier.leave(key, LEFT[key] ?? "Drayage has no key for it");
    else if (typeof one === "function") one(value, carrier, said);
  }
  // A name for the result, beside what it is built from: here the build is the image.
  if (carrier.manifest["build"] !== undefined) delete carrier.manifest["image"];
}

function read(source: string, file: string): unknown {
  try {
    return parse(source, { merge: true });
  } catch (error) {
    throw new Failure("manifest.syntax", `${file} is not valid YAML`, {
      hint: "docker compose config shows what compose itself makes of it",
      details: [error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)],
      cause: error,
    });
  }
}

/** The one that is named; else the only one that is built here, or that publishes a port. */
function choose(all: Record<string, unknown>, wanted: string | undefined, file: string): string {
  const names = Object.keys(all);
  if (wanted !== undefined && all[wanted] !== undefined) return wanted;
  const published = names.filter((each) => recordOf(all[each])["ports"] !== undefined);
  const built = names.filter((each) => recordOf(all[each])["build"] !== undefined);
  const [name, ...more] =
    [names, published, built, built.filter((each) => published.includes(each))].find((each) => each.length === 1) ??
    names;
  if (name === undefined || wanted !== undefined || more.length > 0)
    throw new Failure(
      "usage.invalid",
      `${file} has ${wanted === undefined ? "several services" : `no service ${wanted}`}`,
      {
        hint: `say which one is the API: --service ${names[0] ?? "NAME"}`,
        details: names.map((each) => `  ${each}`),
      },
    );
  return name;
}

/** `${NAME}`, `${NAME:-other}` and `$NAME` in every text, as compose fills them; what nobody knows stays for whoever reads it. */
function fill(value: unknown, variables: Variables): unknown {
  if (typeof value === "string")
    return value.replaceAll(
      /\$\$|\$\{(\w+)(?:(:?[-?])([^}]*))?\}|\$(\w+)/g,
      (all, ...[braced, how, other, plain]: (string | undefined)[]) =>
        all === "$$" ? "$" : (variables[braced ?? plain ?? ""] ?? (how?.endsWith("-") === true ? (other ?? "") : all)),
    );
  if (Array.isArray(value)) return value.map((each) => fill(each, variables));
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fill(each, variables)]));
  return value;
}

type Carry = (value: unknown, carrier: Carrier, raw: Record<string, unknown>) => void;

/** Keys that have a place here, or that need none (`undone`). */
const KEYS: Record<string, Carry | "undone"> = {
  image: (value, carrier) => carrier.set("image", value),
  build: carryBuild,
  command: (value, carrier) => carrier.set("args", argvOf(value)),
  entrypoint: (value, carrier) => carrier.set("command", argvOf(value)),
  ports: carryPorts,
  expose: (value, carrier) => {
    if (carrier.manifest["port"] === undefined) carrier.set("port", numberOf(listOf(value)[0]));
  },
  environment: carryEnvironment,
  volumes: carryVolumes,
  deploy: carryDeploy,
  healthcheck: carryHealthcheck,
  user: (value, carrier) => carrier.set("user", textOf(value)),
  init: (value, carrier) => carrier.set("init", value),
  read_only: (value, carrier) => carrier.set("readOnly", value),
  runtime: carryRuntime,
  extra_hosts: carryHosts,
  stop_signal: (value, carrier) => carrier.set("stopSignal", value),
  shm_size: (value, carrier) => carrier.within("limits", "shm", sizeOf(value)),
  mem_limit: (value, carrier) => carrier.within("limits", "memory", sizeOf(value)),
  cpus: (value, carrier) => carrier.within("limits", "cpus", numberOf(value)),
  pids_limit: (value, carrier) => carrier.within("limits", "pids", numberOf(value)),
  gpus: (value, carrier) => carrier.within("limits", "gpus", value === "all" ? 1 : numberOf(value)),
  ulimits: carryUlimits,
  ipc: (value, carrier) => {
    if (value === "host") carrier.within("limits", "shm", "8GiB");
    else carrier.leave("ipc", "containers do not share memory here; limits.shm is how much of it there is");
  },
  // Whoever is named there is carried over beside the API, or left by its own name.
  depends_on: "undone",
  links: "undone",
  // Drayage restarts what ends, names containers by their release, and has its own networks and logs.
  restart: "undone",
  container_name: "undone",
  networks: "undone",
  logging: "undone",
  platform: "undone",
  pull_policy: "undone",
  profiles: "undone",
};

/** Why the others have none. */
const LEFT: Record<string, string> = {
  env_file: "put its lines into env:, and what is secret into secrets:",
  privileged: "a model needs no rights over its machine",
  cap_add: "the container has the capabilities that ordinary images need, and no others",
  devices: "limits.gpus is the way to a GPU; other devices are not passed on",
  network_mode: "each service has a network of its own, with the edge in front",
  labels: "routes are domain: and prefix: here; labels of other proxies mean nothing",
  secrets: "name them under secrets: with their source on this computer",
  configs: "put the file into the image, or onto the machine and name it under volumes:",
  tmpfs: "with readOnly: true there is one at /tmp",
  hostname: "clients know the service by domain:; the container needs no name",
  stop_grace_period: "limits.drain is how long requests may still take; then the program has ten seconds",
  security_opt: "the container's cage is Drayage's own",
  stdin_open: "nobody types into a service",
  tty: "nobody types into a service",
  working_dir: "WORKDIR in the Dockerfile says it",
};
