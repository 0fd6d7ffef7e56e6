import { createHash } from "node:crypto";
import { parse } from "yaml";
import { Failure } from "../../base/failure.ts";
import { serviceNameOf } from "../name.ts";
import { type Carried, Carrier, listOf, looksSecret, recordOf, textOf, wordsOf } from "./carried.ts";
import { carryVolumes } from "./compose-keys.ts";
import { carryAccessories } from "./kamal-beside.ts";

/** A manifest of Kamal's config/deploy.yml (Kamal 2, configuration reference). @throws Failure manifest.syntax */
export function fromKamal(source: string, file: string, variables: Variables): Carried {
  const carrier = new Carrier();
  const { accessories, ...said } = read(source, file, variables);
  for (const [key, value] of Object.entries(said)) {
    const carry = KEYS[key];
    if (carry === undefined) carrier.leave(key, LEFT[key] ?? "Drayage has no key for it");
    else if (typeof carry === "function") carry(value, carrier);
  }
  // When it is known where the service runs, and which secrets it has.
  carryAccessories(accessories, carrier, carryEnv);
  const machines = machinesOf(carrier);
  return { manifest: { ...carrier.manifest, ...machines }, left: carrier.left };
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Kamal reads it as a template of ERB first: what stands for a variable is filled in, and what else Ruby would make is not known here. */
function read(source: string, file: string, variables: Variables): Record<string, unknown> {
  try {
    return recordOf(parse(filled(source, variables), { merge: true }));
  } catch (error) {
    throw new Failure("manifest.syntax", `${file} is not valid YAML`, {
      hint: "kamal config shows what Kamal itself makes of it",
      details: [error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)],
      cause: error,
    });
  }
}

/** Stands for what Ruby would put there; the same for the same words. */
const TEMPLATE = "ERB";
const mark = (words: string): string => TEMPLATE + createHash("sha256").update(words.trim()).digest("hex").slice(0, 6);
/** A name without what is not known of it. */
const known = (name: string): string => name.replaceAll(/ERB[0-9a-f]{6}[-_]?/g, "");

function filled(source: string, variables: Variables): string {
  const simple = /<%=\s*ENV(?:\[|\.fetch\()\s*["'](\w+)["']\s*[\])]?(?:\s*(?:\|\||,)\s*["']([^"']*)["']\)?)?\s*%>/g;
  return (
    source
      .replaceAll(simple, (_all, name: string, other: string | undefined) => variables[name] ?? other ?? mark(name))
      .replaceAll(/<%=([\s\S]*?)-?%>/g, (_all, words: string) => mark(words))
      // Statements and comments leave nothing behind; what stands between an `if` and its `end` is taken to be there.
      .replaceAll(/<%[\s\S]*?%>/g, "")
  );
}

type Carry = (value: unknown, carrier: Carrier) => void;

/** Keys that have a place here, or that need none (`undone`). */
const KEYS: Record<string, Carry | "undone"> = {
  service: (value, carrier) => {
    carrier.set("service", serviceNameOf(known(textOf(value))));
    if (textOf(value).includes(TEMPLATE)) carrier.leave("service", "Ruby makes its name: write it into service:");
  },
  image: carryImage,
  servers: carryServers,
  proxy: carryProxy,
  env: carryEnv,
  volumes: (value, carrier) =>
    carryVolumes(
      listOf(value).map((each) => known(textOf(each))),
      carrier,
    ),
  builder: carryBuilder,
  ssh: carrySsh,
  registry: carryRegistry,
  retain_containers: (value, carrier) => carrier.set("keep", Number(value)),
  deploy_timeout: (value, carrier) => carrier.within("limits", "ready", `${textOf(value)}s`),
  drain_timeout: (value, carrier) => carrier.within("limits", "drain", `${textOf(value)}s`),
  // Of how Kamal works itself; `direct` carries images, and releases are named by Drayage.
  minimum_version: "undone",
  primary_role: "undone",
  readiness_delay: "undone",
  run_directory: "undone",
  require_destination: "undone",
  hooks_path: "undone",
  logging: "undone",
};

/** Why the others have none. */
const LEFT: Record<string, string> = {
  aliases: "dray exec -- COMMAND runs a command in the container",
  asset_path: "assets of the old release are gone with it; a build with names by content needs none of it",
  boot: "machines are changed side by side; atOnce: says how many",
  allow_empty_roles: "there are no roles here: each service has a manifest",
  secrets_path: "secrets: names each with its source",
  error_pages_path: "the edge answers errors as JSON",
};

function carryImage(value: unknown, carrier: Carrier): void {
  // Kamal builds it from the Dockerfile here; its name is where it is pushed to.
  carrier.set("build", ".");
  carrier.leave(
    "image",
    `built from the Dockerfile and carried over ssh, no registry is needed; registry: ${textOf(value)} would push it`,
  );
}

function carryServers(value: unknown, carrier: Carrier): void {
  const roles = Array.isArray(value) ? { web: value } : recordOf(value);
  const { web = Object.values(roles)[0], ...others } = roles;
  const hosts = Array.isArray(web) ? web : listOf(recordOf(web)["hosts"] ?? web);
  carrier.set(
    "machines",
    hosts.map((each) => (typeof each === "object" ? Object.keys(recordOf(each))[0] : textOf(each))),
  );
  const { options, cmd } = Array.isArray(web) ? {} : recordOf(web);
  if (cmd !== undefined) carrier.set("command", wordsOf(textOf(cmd)));
  for (const [key, said] of Object.entries(recordOf(options))) carryOption(key, said, carrier);
  for (const role of Object.keys(others).filter((each) => others[each] !== web))
    carrier.leave(`servers.${role}`, "a role without traffic is no endpoint: give it a manifest, or run it elsewhere");
}

/** Options of docker run. */
function carryOption(key: string, value: unknown, carrier: Carrier): void {
  if (key === "memory") carrier.within("limits", "memory", textOf(value).toLowerCase());
  else if (key === "cpus") carrier.within("limits", "cpus", Number(value));
  else if (key === "shm-size") carrier.within("limits", "shm", textOf(value).toLowerCase());
  else if (key === "gpus") carrier.within("limits", "gpus", value === "all" ? 1 : Number(value));
  else if (key === "user") carrier.set("user", textOf(value));
  else
    carrier.leave(
      `servers.web.options.${key}`,
      "docker run's options have no place here but those with a key of their own",
    );
}

function carryProxy(value: unknown, carrier: Carrier): void {
  const {
    ssl,
    host,
    hosts,
    app_port: port,
    healthcheck,
    response_timeout: timeout,
    path_prefix: prefix,
    ...rest
  } = recordOf(value);
  const [first, ...more] = [
    ...listOf(host),
    ...listOf(hosts),
    ...textOf(host ?? "")
      .split(",")
      .slice(1),
  ].map((each) => textOf(each).split(",")[0]);
  if (first?.includes(TEMPLATE) === true) carrier.leave("proxy.host", "Ruby makes its name: write it into domain:");
  else if (first !== undefined) carrier.set("domain", first);
  for (const other of more.filter((each) => each !== first))
    carrier.leave(`proxy.hosts (${other})`, "a service answers to one name: domain:");
  if (ssl === false && first !== undefined) carrier.set("tls", "off");
  carrier.set("port", port === undefined ? 80 : Number(port));
  const path = recordOf(healthcheck)["path"];
  carrier.set("ready", path === undefined ? "/up" : textOf(path));
  if (timeout !== undefined) carrier.within("limits", "timeout", `${textOf(timeout)}s`);
  if (prefix !== undefined) carrier.set("prefix", textOf(prefix).replace(/\/$/, ""));
  for (const key of Object.keys(rest)) carrier.leave(`proxy.${key}`, "the edge has its own way: docs/manifest.md");
}

function carryEnv(value: unknown, carrier: Carrier): void {
  const { clear, secret, tags, ...plain } = recordOf(value);
  const env: Record<string, string> = {};
  const secrets: Record<string, object> = {};
  for (const [name, said] of Object.entries({ ...plain, ...recordOf(clear) })) {
    if (textOf(said).includes(TEMPLATE)) carrier.leave(`env.${name}`, "Ruby makes its value: write it into env:");
    else if (looksSecret(name)) secrets[name] = { env: name };
    else env[name] = textOf(said);
  }
  for (const each of listOf(secret).map(textOf)) {
    const [name = each, from = name] = each.split(":");
    secrets[name] = { env: from };
  }
  if (Object.keys(env).length > 0) carrier.set("env", env);
  if (Object.keys(secrets).length > 0) carrier.set("secrets", secrets);
  if (tags !== undefined) carrier.leave("env.tags", "each machine gets the same environment");
}

function carryBuilder(value: unknown, carrier: Carrier): void {
  const {
    context,
    dockerfile,
    args,
    arch: _arch,
    driver: _driver,
    cache: _cache,
    remote: _remote,
    ...rest
  } = recordOf(value);
  const given = Object.entries(recordOf(args)).filter(([, each]) => !textOf(each).includes(TEMPLATE));
  if (context !== undefined || dockerfile !== undefined || given.length > 0)
    carrier.set("build", {
      context: context ?? ".",
      ...(dockerfile === undefined ? {} : { dockerfile }),
      ...(given.length === 0 ? {} : { args: Object.fromEntries(given.map(([key, each]) => [key, textOf(each)])) }),
    });
  for (const key of Object.keys(rest))
    carrier.leave(`builder.${key}`, "docker build has it: build the image by hand, and name it: image:");
}

function carrySsh(value: unknown, carrier: Carrier): void {
  const { user, port, ...rest } = recordOf(value);
  carrier.set(LOGIN, port === undefined ? textOf(user ?? "root") : `${textOf(user ?? "root")}:${textOf(port)}`);
  for (const key of Object.keys(rest)) carrier.leave(`ssh.${key}`, "~/.ssh/config says it for ssh itself");
}

function carryRegistry(_value: unknown, carrier: Carrier): void {
  carrier.leave("registry", "no registry is needed; where one is wanted, registry: names it with user and password");
}

/** Where ssh's user waits until the machines are known. */
const LOGIN = "ssh";

/** Kamal logs in as root where it is told nothing. */
function machinesOf(carrier: Carrier): Record<string, unknown> {
  const { manifest } = carrier;
  const { [LOGIN]: user } = manifest;
  delete manifest[LOGIN];
  const all = listOf(manifest["machines"]).map(textOf);
  const hosts = all.filter((each) => !each.includes(TEMPLATE));
  if (hosts.length < all.length) carrier.leave("servers.web", "Ruby makes a machine's name: write it into machine:");
  delete manifest["machines"];
  const [name = "root", port] = textOf(user ?? "root").split(":");
  const where = (host: string): string => (port === undefined ? `${name}@${host}` : `ssh://${name}@${host}:${port}`);
  const [first, ...more] = hosts;
  if (first === undefined) return {};
  if (more.length === 0) return { machine: where(first) };
  return { machines: Object.fromEntries(hosts.map((host, index) => [`m${index + 1}`, where(host)])) };
}
