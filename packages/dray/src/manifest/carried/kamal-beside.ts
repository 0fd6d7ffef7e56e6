import { serviceNameOf } from "../name.ts";
import { Carrier, listOf, recordOf, textOf, wordsOf } from "./carried.ts";
import { carryVolumes } from "./compose-keys.ts";

/** Carries `env:` as Kamal writes it, for an accessory as for the service. */
export type CarryEnv = (value: unknown, carrier: Carrier) => void;

/**
 * Accessories on the service's own machine become containers beside it, under the name by which Kamal's network knows
 * them; those elsewhere are left.
 */
export function carryAccessories(value: unknown, carrier: Carrier, carryEnv: CarryEnv): void {
  const service = textOf(carrier.manifest["service"]);
  const machines = listOf(carrier.manifest["machines"]).map(textOf);
  for (const [name, said] of Object.entries(recordOf(value))) {
    const accessory = recordOf(said);
    const called = serviceNameOf(textOf(accessory["service"] ?? `${service}-${name}`));
    if (!isHere(accessory, machines))
      carrier.leave(`accessories.${name}`, "it runs on another machine than the service: name its address in env:");
    else if (accessory["image"] === undefined) carrier.leave(`accessories.${name}`, "it names no image");
    else carryAccessory(name, called, accessory, { carrier, carryEnv });
  }
}

function isHere({ host, hosts, role, roles }: Record<string, unknown>, machines: readonly string[]): boolean {
  const named = [...listOf(host), ...listOf(hosts)].map(textOf);
  return [...listOf(role), ...listOf(roles)].includes("web") || named.some((each) => machines.includes(each));
}

function carryAccessory(
  name: string,
  called: string,
  accessory: Record<string, unknown>,
  { carrier, carryEnv }: { carrier: Carrier; carryEnv: CarryEnv },
): void {
  const own = new Carrier();
  for (const [key, value] of Object.entries(accessory)) {
    const carry = KEYS[key];
    if (key === "env") carryEnv(value, own);
    else if (carry === undefined) own.leave(key, LEFT[key] ?? "a container beside the API has no such key");
    else if (typeof carry === "function") carry(value, own);
  }
  const { secrets, ...entry } = own.manifest;
  const names = Object.keys(recordOf(secrets));
  carrier.within("with", called, names.length === 0 ? entry : { ...entry, secrets: names });
  for (const [secret, source] of Object.entries(recordOf(secrets)))
    if (recordOf(carrier.manifest["secrets"])[secret] === undefined)
      // As a file: the service's own environment did not have it.
      carrier.within("secrets", secret, { ...recordOf(source), as: "file" });
  for (const { key, reason } of own.left) carrier.leave(`accessories.${name}.${key}`, reason);
}

type Carry = (value: unknown, carrier: Carrier) => void;

const KEYS: Record<string, Carry | "undone"> = {
  image: (value, carrier) => carrier.set("image", value),
  cmd: (value, carrier) => carrier.set("args", wordsOf(textOf(value))),
  volumes: carryFolders,
  directories: (value, carrier) => {
    carryFolders(value, carrier);
    carrier.leave("directories", "they are volumes of its own here: what is in Kamal's folders has to be copied");
  },
  options: carryOptions,
  service: "undone",
  host: "undone",
  hosts: "undone",
  role: "undone",
  roles: "undone",
};

const LEFT: Record<string, string> = {
  port: "the service reaches every port of it, and nobody else any",
  files: "put them into its image, or onto the machine and name them under volumes:",
  registry: "docker login here is what pulls with",
  network: "it is on the service's own network",
};

/** `volumes` and `directories` may both be there. */
function carryFolders(value: unknown, carrier: Carrier): void {
  const before = recordOf(carrier.manifest["volumes"]);
  carryVolumes(value, carrier);
  const all = { ...before, ...recordOf(carrier.manifest["volumes"]) };
  if (Object.keys(all).length > 0) carrier.set("volumes", all);
}

const LIMITS: Record<string, string> = { memory: "memory", cpus: "cpus", "pids-limit": "pids", "shm-size": "shm" };

function carryOptions(value: unknown, carrier: Carrier): void {
  for (const [key, said] of Object.entries(recordOf(value))) {
    const limit = LIMITS[key];
    if (key === "user") carrier.set("user", textOf(said));
    else if (limit === undefined) carrier.leave(`options.${key}`, "docker run's options have no place here");
    else carrier.within("limits", limit, typeof said === "number" ? said : sizeOrNumber(textOf(said)));
  }
}

const sizeOrNumber = (text: string): string | number => (/^[\d.]+$/.test(text) ? Number(text) : text.toLowerCase());
