import { readFile } from "node:fs/promises";
import { within } from "drayage-clock";
import * as z from "zod";
import { Failure } from "../../../base/failure.ts";
import { run } from "../../../base/process.ts";
import type { Entry, Exec } from "./kubeconfig.ts";

/** A plugin may open a browser for its user's consent. */
const PLUGIN_MS = 120_000;
/** A token that is about to end could end on its way. */
const MARGIN_MS = 30_000;

/** What a connection shows of its user: a token, or a certificate and its key. */
export interface Shown {
  token?: string;
  certificate?: string;
  key?: string;
}

const credential = z.object({
  status: z.object({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.string().optional(),
  }),
});

/** Logs in as the kubeconfig says, and again when what a plugin gave has come to its end. */
export class LoginKeeper {
  readonly #entry: Entry;
  #kept: { shown: Shown; until: number } | undefined;
  #asking: Promise<Shown> | undefined;

  constructor(entry: Entry) {
    this.#entry = entry;
  }

  /** @throws Failure kubernetes.login */
  async show(signal: AbortSignal): Promise<Shown> {
    const { login } = this.#entry;
    if (login.exec !== undefined) return await this.#plugin(login.exec, signal);
    const token = login.tokenFile === undefined ? login.token : await tokenIn(login.tokenFile);
    return {
      ...(token === undefined ? {} : { token }),
      ...(login.certificate === undefined ? {} : { certificate: login.certificate }),
      ...(login.key === undefined ? {} : { key: login.key }),
    };
  }

  /** The cluster does not take what was shown: the plugin is asked anew. False: there is nothing else to show. */
  forget(): boolean {
    const had = this.#kept !== undefined;
    this.#kept = undefined;
    return had;
  }

  async #plugin(exec: Exec, signal: AbortSignal): Promise<Shown> {
    if (this.#kept !== undefined && Date.now() < this.#kept.until) return this.#kept.shown;
    // Several requests begin at once; the plugin is asked once for all of them.
    this.#asking ??= this.#ask(exec, signal).finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  async #ask(exec: Exec, signal: AbortSignal): Promise<Shown> {
    const argv = [exec.command, ...(exec.args ?? [])];
    const env = {
      ...process.env,
      ...Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(infoFor(this.#entry, exec)),
    };
    const ended = await within(PLUGIN_MS, signal, (limit) => run(argv, { env, signal: limit })).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        throw refused(exec, "could not be run", exec.installHint ?? "is it installed, and on the PATH?", error);
      },
    );
    if (ended.code !== 0) {
      const said = ended.stderr.trim().split("\n").at(-1) ?? "";
      throw refused(
        exec,
        `ended with ${ended.code}${said === "" ? "" : `: ${said}`}`,
        "log in again, as your cluster's docs say",
      );
    }
    return this.#keep(exec, ended.stdout);
  }

  #keep(exec: Exec, printed: string): Shown {
    const status = statusIn(printed);
    if (status === undefined) throw refused(exec, "printed no credential", "run it by hand; are you signed in?");
    const { token, clientCertificateData, clientKeyData, expirationTimestamp } = status;
    const shown = {
      ...(token === undefined ? {} : { token }),
      ...(clientCertificateData === undefined ? {} : { certificate: clientCertificateData }),
      ...(clientKeyData === undefined ? {} : { key: clientKeyData }),
    };
    const ends = expirationTimestamp === undefined ? Infinity : Date.parse(expirationTimestamp) - MARGIN_MS;
    this.#kept = { shown, until: ends };
    return shown;
  }
}

function statusIn(printed: string): z.infer<typeof credential>["status"] | undefined {
  try {
    return credential.parse(JSON.parse(printed)).status;
  } catch {
    // What it printed may be the token itself, so it is not shown.
    return undefined;
  }
}

function infoFor(entry: Entry, exec: Exec): object {
  const { server, ca, insecure, serverName, proxy } = entry;
  const cluster = {
    server,
    ...(ca === undefined ? {} : { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
    ...(serverName === undefined ? {} : { "tls-server-name": serverName }),
    ...(proxy === undefined ? {} : { "proxy-url": proxy }),
    "insecure-skip-tls-verify": insecure,
  };
  const spec = { interactive: false, ...(exec.provideClusterInfo === true ? { cluster } : {}) };
  return { apiVersion: exec.apiVersion, kind: "ExecCredential", spec };
}

async function tokenIn(file: string): Promise<string> {
  const token = await readFile(file, "utf8").catch((error: unknown) => {
    throw new Failure("kubernetes.login", `the kubeconfig's token file ${file} cannot be read`, {
      hint: "get a new kubeconfig of your cluster",
      cause: error,
    });
  });
  return token.trim();
}

function refused({ command }: Exec, what: string, hint: string, cause?: unknown): Failure {
  return new Failure("kubernetes.login", `the kubeconfig logs in by ${command}, which ${what}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
