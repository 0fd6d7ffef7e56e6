import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { Failure } from "../base/failure.ts";
import { backendName, EMPTY_STATE, edgeConfig, type EdgeState, switchCommands } from "./edge-config.ts";
import type { Engine } from "./engine.ts";
import { execStream } from "./exec.ts";

export const EDGE = "dray-edge";
export const EDGE_PORT_LABEL = "dray.edge.port";
const HOME = "/var/lib/dray";

/** The files of the edge's volume; and how its container starts, with whatever configuration is there. */
export const EDGE_COMMAND: readonly string[] = [
  "bash",
  "-c",
  `test -f ${HOME}/haproxy.cfg || { echo "$DRAY_FIRST_CONFIG" > ${HOME}/haproxy.cfg; echo "$DRAY_FIRST_STATE" > ${HOME}/state.json; }
   exec haproxy -W -db -S 127.0.0.1:9998 -f ${HOME}/haproxy.cfg`,
];
export const EDGE_VOLUME = { name: "dray-edge", path: HOME };

/**
 * One shell in the edge's container, kept open for a whole command: an exec costs 50-100 ms,
 * a line to a shell that already runs costs a round trip.
 */
export class Edge implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #shell: Duplex;
  readonly #said: () => string;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(engine: Engine, shell: Duplex, said: () => string) {
    this.#engine = engine;
    this.#shell = shell;
    this.#said = said;
  }

  /** Opens the shell. @throws EngineError 404 when there is no edge, 409 when it does not run */
  static async open(engine: Engine, signal: AbortSignal): Promise<Edge> {
    const { stream, said } = await execStream(engine, EDGE, ["bash"], signal);
    stream.setEncoding("utf8");
    return new Edge(engine, stream, said);
  }

  /** Runs lines of bash in the edge's container and returns what they print. One at a time. */
  async run(script: string): Promise<string> {
    const mine = this.#turn.then(() => this.#exchange(script));
    this.#turn = mine.catch(() => "");
    return await mine;
  }

  async #exchange(script: string): Promise<string> {
    const mark = `--dray-${randomBytes(8).toString("hex")}--`;
    let said = "";
    const answer = new Promise<string>((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#shell.off("data", more);
        this.#shell.off("close", gone);
        act();
      };
      const gone = (): void => settle(() => reject(new Error(`the edge's shell ended: ${this.#said().trim()}`)));
      const more = (chunk: string): void => {
        said += chunk;
        const end = said.indexOf(mark);
        if (end >= 0) settle(() => resolve(said.slice(0, end)));
      };
      this.#shell.on("data", more);
      this.#shell.once("close", gone);
    });
    this.#shell.write(`${script}\necho "${mark}"\n`);
    return await answer;
  }

  /** What the edge's volume says about this machine. */
  async state(): Promise<EdgeState> {
    const said = await this.run(`cat ${HOME}/state.json 2>/dev/null || cat ${HOME}/state.json.last 2>/dev/null`);
    return said.trim() === "" ? EMPTY_STATE : (JSON.parse(said) as EdgeState);
  }

  /**
   * Makes `after` true: files first (atomically, the last good copy kept), then the running HAProxy.
   * In one round trip, and without a reload where HAProxy's runtime API can do it.
   * @throws Failure edge.failed; the configuration before is then in force
   */
  async apply(before: EdgeState, after: EdgeState, service: string, audit: object): Promise<"switched" | "reloaded"> {
    const commands = switchCommands(before, after, service);
    const act = commands === undefined ? RELOAD : commands.map((command) => `admin '${command}'`).join("\n");
    const said = await this.run(
      [
        ADMIN,
        file("state.json.new", JSON.stringify(after)),
        file("haproxy.cfg.new", edgeConfig(after)),
        file("audit.new", JSON.stringify(audit)),
        `if ${commands === undefined ? `haproxy -c -q -f ${HOME}/haproxy.cfg.new 2>&1` : "true"}; then`,
        `cat ${HOME}/audit.new >> ${HOME}/audit.jsonl`,
        `cat ${HOME}/state.json > ${HOME}/state.json.last 2>/dev/null; sync ${HOME}/*.new 2>/dev/null`,
        `mv -f ${HOME}/haproxy.cfg.new ${HOME}/haproxy.cfg; mv -f ${HOME}/state.json.new ${HOME}/state.json`,
        act,
        "else echo REFUSED; fi",
      ].join("\n"),
    );
    if (commands === undefined) expectReload(said);
    else await this.#expectTraffic(after, service);
    return commands === undefined ? "reloaded" : "switched";
  }

  /** Reads back that the release that should get traffic does. */
  async #expectTraffic(state: EdgeState, service: string): Promise<void> {
    const up = (await this.servers(service)).filter((server) => server.takes).map((server) => server.release);
    const current = state.services[service]?.current;
    if (current !== undefined && up.includes(current) && up.every((release) => release === current)) return;
    throw new Failure("edge.failed", `the edge gives traffic to ${up.join(", ") || "nobody"} instead of ${current}`, {
      hint: "run the same command again; dray logs --edge shows what HAProxy said",
    });
  }

  /** HAProxy's servers of a service: which take new requests, and how many requests each has in flight. */
  async servers(service: string): Promise<{ name: string; release: string; takes: boolean; inFlight: number }[]> {
    const said = await this.run(
      `${ADMIN}\nadmin 'show servers state ${backendName(service)}'\nadmin 'show servers conn ${backendName(service)}'`,
    );
    return parseServers(said);
  }

  /** Takes servers out of the running HAProxy (they must be drained). */
  async forget(service: string, names: readonly string[]): Promise<void> {
    const commands = names.flatMap((name) => [
      `set server ${backendName(service)}/${name} state maint`,
      `del server ${backendName(service)}/${name}`,
    ]);
    await this.run([ADMIN, ...commands.map((command) => `admin '${command}'`)].join("\n"));
  }

  /** Keeps a state in which the traffic goes where it went before (a release was stopped or pruned). */
  async save(state: EdgeState): Promise<void> {
    await this.run(`${file("state.json.new", JSON.stringify(state))}\nmv -f ${HOME}/state.json.new ${HOME}/state.json`);
  }

  /** Is a HAProxy from before a reload still finishing requests? */
  async hasOldWorkers(): Promise<boolean> {
    const said = await this.run(
      `exec 6<>/dev/tcp/127.0.0.1/9998 && printf 'show proc;quit\\n' >&6 && cat <&6; exec 6>&-`,
    );
    return /^\d+\s+worker/m.test(said.split("# old workers")[1] ?? "");
  }

  /** The audit record, oldest first. */
  async audit(): Promise<unknown[]> {
    const said = await this.run(`cat ${HOME}/audit.jsonl 2>/dev/null`);
    return said
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);
  }

  /**
   * A TCP connection from the edge to a replica, through an exec of its own: what the edge's clients will travel.
   * Waits inside the container until somebody listens, at most `waitMs`.
   */
  async dial(address: string, port: number, waitMs: number, signal: AbortSignal): Promise<Duplex> {
    const script = `for ((i = 0; i < ${Math.ceil(waitMs / 20)}; i++)); do
      if exec 3<>/dev/tcp/${address}/${port}; then echo; cat <&3 & exec cat >&3; fi
      sleep 0.02; done 2>/dev/null; exit 7`;
    const { stream } = await execStream(this.#engine, EDGE, ["bash", "-c", script], signal);
    // The first byte says that the connection stands; what follows is the replica's own.
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        stream.destroy();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", abort, { once: true });
      stream.once("close", () => reject(Object.assign(new Error("nobody listens"), { code: "ECONNREFUSED" })));
      stream.once("end", () => reject(Object.assign(new Error("nobody listens"), { code: "ECONNREFUSED" })));
      stream.once("readable", () => {
        const first = stream.read(1) as Buffer | null;
        if (first === null) return;
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
    return stream;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#shell.destroy();
    return Promise.resolve();
  }
}

/** Writes a file in the volume. The text comes from us, but a delimiter nobody can guess costs nothing. */
function file(name: string, content: string): string {
  const end = `END${randomBytes(8).toString("hex")}`;
  return `cat > ${HOME}/${name} <<'${end}'\n${content.trimEnd()}\n${end}`;
}

/** A bash function that sends one command to HAProxy's runtime API and prints the answer. */
const ADMIN = `admin() { exec 5<>/dev/tcp/127.0.0.1/9999 && printf '%s\\n' "$1" >&5 && cat <&5; exec 5>&-; }`;

const RELOAD = `exec 6<>/dev/tcp/127.0.0.1/9998 && printf 'reload\\n' >&6 && cat <&6; exec 6>&-`;

function expectReload(said: string): void {
  if (/Success=1/.test(said)) return;
  throw new Failure("edge.failed", "the edge did not take its new configuration", {
    hint: "the old configuration is still in force; this is a bug of dray: please report the lines below",
    details: said.trim().split("\n").slice(-6),
  });
}

/** Reads `show servers state` (format 1: name in field 4, admin state in 7, operational in 6) and `show servers conn`. */
function parseServers(said: string): { name: string; release: string; takes: boolean; inFlight: number }[] {
  const rows = said.split("\n").map((line) => line.trim().split(/\s+/));
  const used = new Map<string, number>();
  for (const row of rows) {
    const name = /^[\w-]+\/(\S+)$/.exec(row[0] ?? "")?.[1];
    if (name !== undefined) used.set(name, Number(row[6] ?? 0));
  }
  return rows
    .filter((row) => row.length > 15 && /^\d+$/.test(row[0] ?? ""))
    .map((row) => {
      const name = row[3] ?? "";
      return {
        name,
        release: name.split(".")[0] ?? name,
        takes: row[5] === "2" && row[6] === "0",
        inFlight: used.get(name) ?? 0,
      };
    });
}
