import { serviceNameOf } from "../name.ts";
import { Carrier, type LeftOut, listOf, recordOf, textOf } from "./carried.ts";

type Services = Readonly<Record<string, unknown>>;

/** Carries the keys of one service of the file. */
export type CarryService = (name: string, carrier: Carrier) => void;

/** What a container beside the API can be told (`with:` in the manifest). */
const KEYS = ["image", "command", "args", "user", "env", "volumes", "limits"];
const LIMITS = ["memory", "cpus", "shm", "pids", "nofile"];

/**
 * Services that the API calls become containers beside it; the others are endpoints of their own, and are left. What
 * their secrets are is said in `secrets:` of the API's service, where each has its source.
 */
export function carryBeside(all: Services, api: string, carrier: Carrier, carry: CarryService): void {
  const called = calledBy(all, api);
  for (const name of Object.keys(all).filter((each) => each !== api)) {
    const key = `services.${name}`;
    const other = recordOf(all[name]);
    if (!called.has(name))
      carrier.leave(key, "nothing says that the API calls it: give it a manifest, or name it under with:");
    else if (other["image"] === undefined)
      carrier.leave(
        key,
        "it is built, and with: takes an image: docker build -t NAME, then with: {...: {image: NAME}}",
      );
    else if (serviceNameOf(name) !== name)
      carrier.leave(key, `the API calls it by a name that none can have here: with: {${serviceNameOf(name)}: ...}`);
    else beside(name, carrier, carry);
  }
}

/** By depends_on and links, and by names in its environment; theirs, too. */
function calledBy(all: Services, api: string): ReadonlySet<string> {
  const found = new Set([api]);
  // A set goes on with what is added meanwhile.
  for (const each of found) {
    const { depends_on: needs, links, environment } = recordOf(all[each]);
    const named = [...namesOf(needs), ...listOf(links).map((link) => textOf(link).split(":")[0] ?? "")];
    const said = JSON.stringify(environment ?? "");
    for (const name of Object.keys(all)) if (named.includes(name) || isAddress(name, said)) found.add(name);
  }
  return found;
}

const namesOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(textOf) : Object.keys(recordOf(value)));

/** `redis://cache:6379`, `user:word@db/x`, `HOST=cache` or `cache:6379` in an environment, written as JSON. */
function isAddress(name: string, said: string): boolean {
  return new RegExp(`(?://|@|[="])${name.replaceAll(/[^\w-]/g, "\\$&")}(?::\\d|/|")`).test(said);
}

function beside(name: string, carrier: Carrier, carry: CarryService): void {
  const own = new Carrier();
  carry(name, own);
  const { secrets, limits, ...said } = own.manifest;
  const kept = recordOf(limits);
  const entry: Record<string, unknown> = {
    ...Object.fromEntries(Object.entries(said).filter(([key]) => KEYS.includes(key))),
    ...(secrets === undefined ? {} : { secrets: Object.keys(recordOf(secrets)) }),
    ...inner("limits", Object.fromEntries(Object.entries(kept).filter(([key]) => LIMITS.includes(key)))),
  };
  carrier.within("with", name, entry);
  for (const [secret, source] of Object.entries(recordOf(secrets)))
    if (recordOf(carrier.manifest["secrets"])[secret] === undefined)
      // As a file: the API's own environment did not have it.
      carrier.within("secrets", secret, { ...recordOf(source), as: "file" });
  const reasons = [...own.left, ...lost(said, kept)];
  for (const { key, reason } of reasons) carrier.leave(`services.${name}.${key}`, reason);
}

const inner = (key: string, value: object): object => (Object.keys(value).length === 0 ? {} : { [key]: value });

/** What the API may be told and a container beside it not. A port is none of it: the API reaches all of them. */
function lost(said: Record<string, unknown>, limits: Record<string, unknown>): LeftOut[] {
  const words: Record<string, string> = {
    ready: "its image's own HEALTHCHECK is asked",
    build: "with: takes an image",
  };
  const keys = Object.keys(said).filter((key) => !KEYS.includes(key) && key !== "port" && key !== "service");
  return [
    ...keys.map((key) => ({ key, reason: words[key] ?? "a container beside the API has no such key" })),
    ...Object.keys(limits)
      .filter((key) => !LIMITS.includes(key))
      .map((key) => ({ key: `limits.${key}`, reason: "a container beside the API has no such limit" })),
  ];
}
