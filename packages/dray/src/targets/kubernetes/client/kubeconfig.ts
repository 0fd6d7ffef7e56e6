import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import { Failure } from "../../../base/failure.ts";

const text = z.string().nullish();
/** A list of a kubeconfig's, which may be left out, or be null. */
const listOf = <T extends z.ZodType>(each: T) =>
  z
    .array(each)
    .nullish()
    .transform((all) => all ?? []);

const cluster = z.object({
  server: z.string(),
  "certificate-authority": text,
  "certificate-authority-data": text,
  "insecure-skip-tls-verify": z.boolean().nullish(),
  "tls-server-name": text,
  "proxy-url": text,
});
const exec = z.object({
  apiVersion: z.string(),
  command: z.string(),
  args: z.array(z.string()).nullish(),
  env: z.array(z.object({ name: z.string(), value: z.string() })).nullish(),
  installHint: text,
  provideClusterInfo: z.boolean().nullish(),
});
const user = z.object({
  token: text,
  tokenFile: text,
  "client-certificate": text,
  "client-certificate-data": text,
  "client-key": text,
  "client-key-data": text,
  username: text,
  "auth-provider": z.object({ name: z.string() }).nullish(),
  exec: exec.nullish(),
  as: text,
  "as-groups": z.array(z.string()).nullish(),
});
const context = z.object({ cluster: z.string(), user: text, namespace: text });

const kubeconfig = z.object({
  "current-context": text,
  clusters: listOf(z.object({ name: z.string(), cluster })),
  users: listOf(z.object({ name: z.string(), user: user.nullish() })),
  contexts: listOf(z.object({ name: z.string(), context })),
});

export type Exec = z.infer<typeof exec>;
type File = z.infer<typeof kubeconfig>;

/** How a user logs in: the first of these that is there. */
export interface ClusterLogin {
  token?: string;
  /** Read anew for each connection: a cluster's own tokens are renewed in place. */
  tokenFile?: string;
  certificate?: string;
  key?: string;
  exec?: Exec;
  /** Another user to act as. */
  as?: { user: string; groups: string[] };
}

/** A cluster, a user of it, and where in it we are. */
export interface Entry {
  /** The context's name, for people. */
  context: string;
  server: string;
  namespace: string;
  ca?: string;
  insecure: boolean;
  serverName?: string;
  proxy?: string;
  login: ClusterLogin;
}

const IN_CLUSTER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The files that count: those of KUBECONFIG, else the one in the home folder. */
function kubeconfigFiles(env: NodeJS.ProcessEnv = process.env): string[] {
  const said = (env["KUBECONFIG"] ?? "").split(path.delimiter).filter((file) => file !== "");
  return said.length > 0 ? said : [path.join(homedir(), ".kube", "config")];
}

/**
 * The context that is named, else the current one. Of several files the first that names a thing counts, as kubectl does.
 * Inside a cluster, where there is no file, the pod's own account is used. @throws Failure kubernetes.no-config
 */
export async function readKubeconfig(
  wanted: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  account: string = IN_CLUSTER,
): Promise<Entry> {
  const files = kubeconfigFiles(env).filter((file) => existsSync(file));
  if (files.length === 0) {
    if (wanted === undefined && env["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(`${account}/token`))
      return await inCluster(env, account);
    throw new Failure("kubernetes.no-config", `there is no kubeconfig: ${kubeconfigFiles(env).join(", ")}`, {
      hint: "get one of your cluster (gcloud container clusters get-credentials, aws eks update-kubeconfig), or set KUBECONFIG",
    });
  }
  return await entryOf(await Promise.all(files.map(async (file) => ({ file, said: await read(file) }))), wanted);
}

async function inCluster(env: NodeJS.ProcessEnv, account: string): Promise<Entry> {
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const [ca, namespace] = await Promise.all([
    readFile(`${account}/ca.crt`, "utf8"),
    readFile(`${account}/namespace`, "utf8"),
  ]);
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${env["KUBERNETES_SERVICE_PORT"] ?? "443"}`;
  const login = { tokenFile: `${account}/token` };
  return { context: "in-cluster", server, namespace: namespace.trim(), ca, insecure: false, login };
}

interface Read {
  file: string;
  said: File;
}

async function read(file: string): Promise<File> {
  const content = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("kubernetes.no-config", `${file} cannot be read`, { hint: "is it yours? ls -l", cause: error });
  });
  // What is wrong in it is said by its place, never by its content: there are tokens in it.
  let parsed: unknown;
  try {
    parsed = parse(content) ?? {};
  } catch {
    throw new Failure("kubernetes.no-config", `${file} is not valid YAML`, { hint: "kubectl config view" });
  }
  const checked = kubeconfig.safeParse(parsed);
  if (checked.success) return checked.data;
  const at = checked.error.issues[0]?.path.join(".") ?? "";
  throw new Failure("kubernetes.no-config", `${file} is not a kubeconfig: ${at} is not as expected`, {
    hint: "kubectl config view",
  });
}

/** A named thing of the first file that has it, and that file's folder: paths in it count from there. */
function find<T extends { name: string }>(files: readonly Read[], list: (said: File) => T[], name: string) {
  for (const { file, said } of files) {
    const found = list(said).find((each) => each.name === name);
    if (found !== undefined) return { found, folder: path.dirname(file) };
  }
  return undefined;
}

async function entryOf(files: readonly Read[], wanted: string | undefined): Promise<Entry> {
  const contexts = files.flatMap(({ said }) => said.contexts.map(({ name }) => name));
  const name = wanted ?? files.map(({ said }) => said["current-context"]).find((each) => (each ?? "") !== "");
  const where = files.map(({ file }) => file).join(", ");
  if (name === undefined || name === null)
    throw missing(
      `${where} has no current context`,
      `kubectl config use-context NAME; there are: ${contexts.join(", ")}`,
    );
  const at = find(files, (said) => said.contexts, name);
  if (at === undefined) throw missing(`there is no context ${name} in ${where}`, `there are: ${contexts.join(", ")}`);
  const of = at.found.context;
  const place = find(files, (said) => said.clusters, of.cluster);
  if (place === undefined)
    throw missing(`the context ${name} names the cluster ${of.cluster}, which is not in ${where}`);
  const called = of.user ?? "";
  const who = find(files, (said) => said.users, called);
  if (who === undefined && called !== "")
    throw missing(`the context ${name} names the user ${called}, who is not in ${where}`);
  const { cluster: there } = place.found;
  const [ca, login] = await Promise.all([
    pem(there["certificate-authority-data"], there["certificate-authority"], place.folder),
    loginOf(who?.found.user, who?.folder ?? ""),
  ]);
  const serverName = there["tls-server-name"] ?? "";
  const proxy = there["proxy-url"] ?? "";
  return {
    context: name,
    server: there.server.replace(/\/$/, ""),
    namespace: (of.namespace ?? "") === "" ? "default" : (of.namespace ?? "default"),
    insecure: there["insecure-skip-tls-verify"] === true,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === "" ? {} : { serverName }),
    ...(proxy === "" ? {} : { proxy }),
    login,
  };
}

type User = z.infer<typeof user> | null | undefined;

async function loginOf(of: User, folder: string): Promise<ClusterLogin> {
  if (of === undefined || of === null) return {};
  const provider = of["auth-provider"]?.name;
  if (provider !== undefined)
    throw missing(
      `the kubeconfig logs in by the auth provider ${provider}, which Kubernetes gave up in 1.26`,
      "get a new kubeconfig: gcloud container clusters get-credentials, or kubelogin",
    );
  const [certificate, key] = await Promise.all([
    pem(of["client-certificate-data"], of["client-certificate"], folder),
    pem(of["client-key-data"], of["client-key"], folder),
  ]);
  return {
    ...((of.token ?? "") === "" ? {} : { token: of.token ?? "" }),
    ...((of.tokenFile ?? "") === "" ? {} : { tokenFile: path.resolve(folder, of.tokenFile ?? "") }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
    ...(of.exec === undefined || of.exec === null
      ? {}
      : { exec: { ...of.exec, command: program(of.exec.command, folder) } }),
    ...((of.as ?? "") === "" ? {} : { as: { user: of.as ?? "", groups: of["as-groups"] ?? [] } }),
  };
}

/** A plugin's path counts from the kubeconfig's folder; a bare name is looked for on the PATH. */
const program = (command: string, folder: string): string =>
  command.includes("/") && !path.isAbsolute(command) ? path.resolve(folder, command) : command;

async function pem(
  data: string | null | undefined,
  file: string | null | undefined,
  folder: string,
): Promise<string | undefined> {
  if ((data ?? "") !== "") return Buffer.from(data ?? "", "base64").toString("utf8");
  if ((file ?? "") === "") return undefined;
  const at = path.resolve(folder, file ?? "");
  return await readFile(at, "utf8").catch((error: unknown) => {
    throw missing(`the kubeconfig names ${at}, which cannot be read`, "get a new kubeconfig of your cluster", error);
  });
}

function missing(message: string, hint: string = "kubectl config view", cause?: unknown): Failure {
  return new Failure("kubernetes.no-config", message, { hint, ...(cause === undefined ? {} : { cause }) });
}
