import { serviceNameOf } from "../name.ts";
import { type Carrier, listOf, looksSecret, recordOf, textOf, wordsOf } from "./carried.ts";

export const argvOf = (value: unknown): string[] =>
  typeof value === "string" ? wordsOf(value) : listOf(value).map(textOf);
export const numberOf = (value: unknown): number | undefined => {
  const number = Number(value);
  return value === undefined || Number.isNaN(number) ? undefined : number;
};
const UNITS: Record<string, number> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };
/** Compose counts in 1024, whether it says `m` or `mb`; a bare number is of bytes. */
export function sizeOf(value: unknown): string | undefined {
  const [, number, unit = "b"] = /^([\d.]+)\s*([bkmg]?)i?b?$/i.exec(textOf(value ?? "")) ?? [];
  if (number === undefined) return undefined;
  const bytes = Number(number) * (UNITS[unit.toLowerCase() || "b"] ?? 1);
  return bytes < 1024 ** 2 ? `${Math.round(bytes / 1024)}KiB` : `${Math.round(bytes / 1024 ** 2)}MiB`;
}

export function carryBuild(value: unknown, carrier: Carrier): void {
  if (typeof value === "string") return carrier.set("build", value);
  const { context = ".", dockerfile, args, target, ...rest } = recordOf(value);
  const given = Array.isArray(args) ? Object.fromEntries(args.map((each) => pairOf(textOf(each)))) : recordOf(args);
  carrier.set("build", {
    context,
    ...(dockerfile === undefined ? {} : { dockerfile }),
    ...(target === undefined ? {} : { target }),
    ...(Object.keys(given).length === 0
      ? {}
      : { args: Object.fromEntries(Object.entries(given).map(([key, each]) => [key, textOf(each)])) }),
  });
  for (const key of Object.keys(rest)) carrier.leave(`build.${key}`, "docker build by hand, and name the image here");
}

const pairOf = (text: string): [string, string] => {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
};

export function carryPorts(value: unknown, carrier: Carrier): void {
  const [first, ...more] = listOf(value).map((each) => {
    if (typeof each === "object") return numberOf(recordOf(each)["target"]);
    return numberOf(
      textOf(each)
        .replace(/\/(tcp|udp)$/, "")
        .split(":")
        .at(-1),
    );
  });
  carrier.set("port", first);
  for (const [index, port] of more.entries())
    carrier.leave(`ports[${index + 1}]`, `one port is public, ${first}; nobody reaches ${port} from outside`);
}

export function carryEnvironment(value: unknown, carrier: Carrier, raw: Record<string, unknown>): void {
  const pairs = (from: unknown): [string, unknown][] =>
    Array.isArray(from)
      ? from.map((each): [string, unknown] =>
          textOf(each).includes("=") ? pairOf(textOf(each)) : [textOf(each), undefined],
        )
      : Object.entries(recordOf(from));
  const asWritten = new Map(pairs(raw["environment"]));
  const env: Record<string, string> = {};
  const secrets: Record<string, object> = {};
  for (const [name, said] of pairs(value)) {
    const [, variable] = /^\$\{?(\w+)/.exec(textOf(asWritten.get(name) ?? "")) ?? [];
    // Without a value compose takes the variable of the same name.
    const from = said === undefined || said === null ? name : variable;
    if (!(said === "" && from === undefined) && (looksSecret(name) || (from !== undefined && looksSecret(from)))) {
      secrets[name] = { env: from ?? name };
      if (from === undefined)
        carrier.leave(
          `environment.${name}`,
          `its value stands in the file: it is a secret, taken from the variable ${name} here`,
        );
    } else if (said === undefined || said === null || /\$\{?\w+/.test(textOf(said)))
      carrier.leave(`environment.${name}`, `the variable ${from ?? name} has no value here: write it into env:`);
    else env[name] = textOf(said);
  }
  if (Object.keys(env).length > 0) carrier.set("env", env);
  if (Object.keys(secrets).length > 0) carrier.set("secrets", secrets);
}

export function carryVolumes(value: unknown, carrier: Carrier): void {
  const volumes: Record<string, object> = {};
  for (const [index, each] of listOf(value).entries()) {
    const { source, target, readOnly } = volumeOf(each);
    const key = `volumes[${index}]`;
    if (target === undefined) carrier.leave(key, "a volume without a name is empty in each container; give it one");
    else if (source?.endsWith("docker.sock") === true)
      carrier.leave(key, "the engine's socket is the whole machine: no service gets it");
    else if (source !== undefined && /^[.~$]/.test(source))
      carrier.leave(
        key,
        `${source} is on this computer: copy it into the image, or onto the machine and name it: {at: ${target}, from: /srv/...}`,
      );
    else
      volumes[nameOf(source ?? target, volumes)] = {
        at: target,
        ...(source?.startsWith("/") === true ? { from: source } : {}),
        ...(readOnly ? {} : { write: true }),
      };
  }
  if (Object.keys(volumes).length > 0) carrier.set("volumes", volumes);
}

function volumeOf(value: unknown): { source?: string; target?: string; readOnly: boolean } {
  if (typeof value === "object") {
    const { source, target, read_only: readOnly } = recordOf(value);
    return {
      ...(source === undefined ? {} : { source: textOf(source) }),
      ...(target === undefined ? {} : { target: textOf(target) }),
      readOnly: readOnly === true,
    };
  }
  const [source, target, mode = ""] = textOf(value).split(":");
  if (target === undefined || source === undefined) return { readOnly: false };
  return { source, target, readOnly: mode.split(",").includes("ro") };
}

/** A name that the manifest takes, of a volume's or a folder's own. */
function nameOf(source: string, taken: Record<string, unknown>): string {
  const base = serviceNameOf(source.split("/").findLast((part) => part !== "") ?? "data");
  return taken[base] === undefined ? base : nameOf(`${base}-2`, taken);
}

export function carryDeploy(value: unknown, carrier: Carrier): void {
  const { replicas, resources, ...rest } = recordOf(value);
  carrier.set("replicas", numberOf(replicas));
  const { limits, reservations } = recordOf(resources);
  const { memory, cpus, pids } = recordOf(limits);
  carrier.within("limits", "memory", sizeOf(memory));
  carrier.within("limits", "cpus", numberOf(cpus));
  carrier.within("limits", "pids", numberOf(pids));
  for (const device of listOf(recordOf(reservations)["devices"]).map(recordOf)) {
    if (!listOf(device["capabilities"]).includes("gpu")) continue;
    const count = device["count"];
    carrier.within("limits", "gpus", numberOf(count) ?? Math.max(1, listOf(device["device_ids"]).length));
    if (count === "all")
      carrier.leave(
        "deploy.resources.reservations.devices",
        "all GPUs of the machine: limits.gpus is a number, and 1 now",
      );
  }
  for (const key of Object.keys(rest).filter((each) => each !== "restart_policy"))
    carrier.leave(`deploy.${key}`, "how a release is replaced is said under rollout:");
}

export function carryHealthcheck(value: unknown, carrier: Carrier): void {
  const said = listOf(recordOf(value)["test"]).map(textOf).join(" ");
  const [, path] = /https?:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d+)?(\/[^\s"')|;]*)/.exec(said) ?? [];
  if (path === undefined)
    carrier.leave("healthcheck", "no path of the API is in it: ready: /health says where it answers when it is ready");
  else carrier.set("ready", path);
}

/** `nvidia` is how a GPU was asked for before there was a flag; a limit says it now. */
export function carryRuntime(value: unknown, carrier: Carrier): void {
  if (value === "nvidia") carrier.within("limits", "gpus", recordOf(carrier.manifest["limits"])["gpus"] ?? 1);
  else carrier.set("runtime", value);
}

export function carryHosts(value: unknown, carrier: Carrier): void {
  const pairs = Array.isArray(value)
    ? value.map((each) => /^([^:=]+)[:=](.*)$/.exec(textOf(each))?.slice(1, 3) ?? [])
    : Object.entries(recordOf(value));
  carrier.set("hosts", Object.fromEntries(pairs.map(([name, at]) => [textOf(name), textOf(at)])));
}

export function carryUlimits(value: unknown, carrier: Carrier): void {
  const { nofile, memlock, stack, ...rest } = recordOf(value);
  carrier.within("limits", "nofile", numberOf(typeof nofile === "object" ? recordOf(nofile)["hard"] : nofile));
  for (const [key, said] of Object.entries({ memlock, stack, ...rest }))
    if (said !== undefined) carrier.leave(`ulimits.${key}`, "the engine's own limit holds");
}
