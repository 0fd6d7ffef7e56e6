import { readAudit } from "drayage-record";
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { connectionLost, Failure } from "../base/failure.ts";
import { beforeReload, edgeConfig, namedFiles, switchCommands } from "./config.ts";
import { keyCommands, keysFileLines } from "./keys.ts";
import { backendName, EMPTY_STATE, type EdgeState, HOME } from "./state.ts";
import {
  ADMIN,
  alone,
  exclusively,
  expectReload,
  expectTraffic,
  file,
  GREETED,
  MASTER,
  next,
  parseServers,
  parseState,
  READ_STATE,
  RELOAD,
  type Server,
  STALE,
  writeState,
} from "./script.ts";
import { endTunnels, HAND_ON, shutsOut } from "./workers.ts";
import type { Engine } from "../machine/engine.ts";
import { execStream } from "../machine/exec.ts";
import { type AskLogin, askNobody } from "../machine/login.ts";

export const EDGE = "dray-edge";
export const KEEPER = "dray-keeper";
export const WARDEN = "dray-warden";
export const EDGE_PORT_LABEL = "dray.edge.port";
export const EDGE_TLS_LABEL = "dray.edge.tls";

/** The files of the edge's volume; and how its container starts: with whatever configuration, and watches over trials, are there. */
export const EDGE_COMMAND: readonly string[] = [
  "bash",
  "-c",
  `test -f ${HOME}/haproxy.cfg || { echo "$DRAY_FIRST_CONFIG" > ${HOME}/haproxy.cfg; echo "$DRAY_FIRST_STATE" > ${HOME}/state.json; }
   for guard in ${HOME}/guard-*.sh; do [ -f "$guard" ] && bash "$guard" & done
   exec haproxy -W -db -S 127.0.0.1:9998 -f ${HOME}/haproxy.cfg`,
];
export const EDGE_VOLUME = { name: "dray-edge", path: HOME };

/** The longest silence in the middle of an answer: its lines wait for nothing that takes longer than seconds. */
const SILENT_MS = 60_000;

/** How often a change is tried that somebody else was quicker than; each try reads anew. */
const TRIES = 50;

function contested(): Failure {
  return new Failure("edge.failed", "somebody else kept changing this machine's state", {
    hint: "run the same command again",
  });
}

/**
 * One shell in the edge's container, kept open for a whole command: an exec costs 50-100 ms,
 * a line to a shell that already runs costs a round trip.
 */
export class Edge implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #shell: Duplex;
  readonly #said: () => string;
  readonly #login: AskLogin;
  #turn: Promise<unknown> = Promise.resolve();
  #known: EdgeState = EMPTY_STATE;
  /** HAProxy's configuration, as it was last read or written here. */
  #config = "";

  private constructor(engine: Engine, shell: Duplex, said: () => string, login: AskLogin) {
    this.#engine = engine;
    this.#login = login;
    this.#shell = shell;
    this.#said = said;
  }

  /** Opens the shell and reads the state on the way. @throws EngineError 404 when there is no edge, 409 when it does not run */
  static async open(engine: Engine, signal: AbortSignal, login: AskLogin = askNobody): Promise<Edge> {
    const greeting = `printf '%s\\n%s\\n' "$(${READ_STATE})" "${GREETED}"; exec bash`;
    const { stream, said } = await execStream(engine, EDGE, ["bash", "-c", greeting], signal);
    stream.setEncoding("utf8");
    const edge = new Edge(engine, stream, said, login);
    edge.#read(await edge.#heard(GREETED));
    return edge;
  }

  /** The state as it was last read or written here. */
  get known(): EdgeState {
    return this.#known;
  }

  /** Runs lines of bash in the edge's container and returns what they print. One at a time. */
  async run(script: string): Promise<string> {
    const mine = this.#turn.then(() => this.#exchange(script));
    this.#turn = mine.catch(() => "");
    return await mine;
  }

  async #exchange(script: string): Promise<string> {
    const mark = `--dray-${randomBytes(8).toString("hex")}--`;
    const answer = this.#heard(mark);
    // The answer leaves in one write: with Nagle's algorithm on the way, each further one may wait 40 ms.
    this.#shell.write(`task() {\n:\n${script}\n}\nprintf '%s\\n%s\\n' "$(task)" "${mark}"\n`);
    return await answer;
  }

  /** What the shell says until it says `mark`. */
  async #heard(mark: string): Promise<string> {
    let said = "";
    return await new Promise<string>((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(late);
        for (const event of ["end", "close"]) this.#shell.off(event, gone);
        this.#shell.off("data", more);
        act();
      };
      const gone = (): void =>
        settle(() => reject(connectionLost(`the edge's shell ended ${this.#said().trim()}`.trim())));
      const late = setTimeout(() => settle(() => reject(this.#silent())), SILENT_MS);
      const more = (chunk: string): void => {
        late.refresh();
        said += chunk;
        const end = said.indexOf(mark);
        if (end >= 0) settle(() => resolve(said.slice(0, end)));
      };
      if (this.#shell.destroyed || this.#shell.readableEnded) return gone();
      this.#shell.on("data", more);
      for (const event of ["end", "close"]) this.#shell.once(event, gone);
    });
  }

  /** A shell that says nothing any more is given up: what it still says would be taken for the answer to something else. */
  #silent(): Failure {
    this.#shell.destroy();
    return new Failure("timed-out", `the edge has said nothing for ${SILENT_MS / 1000} s`, {
      hint: "is the machine very busy, or out of memory? dray trace looks at it; then run the same command again",
    });
  }

  /** What the edge's volume says about this machine now. */
  async state(): Promise<EdgeState> {
    await this.runAndRead("");
    return this.#known;
  }

  /** Runs lines, then reads the state; in one round trip. */
  async runAndRead(script: string): Promise<string> {
    const [said = "", state = ""] = (await this.run(`${script}\necho "${GREETED}"\n${READ_STATE}`)).split(GREETED);
    this.#read(state);
    return said;
  }

  #read(said: string): void {
    ({ state: this.#known, config: this.#config } = parseState(said));
  }

  /**
   * Changes what the edge does: files first (atomically, the last good copy kept), then the running HAProxy. One round
   * trip, and no reload where HAProxy's runtime API can do it: not where another dray wrote the configuration that runs.
   * `change` is asked again when somebody else wrote between.
   * @throws Failure edge.failed; the configuration before is then in force
   */
  async change(
    service: string,
    change: (state: EdgeState) => EdgeState,
    audit: (before: EdgeState) => object,
  ): Promise<{ how: "switched" | "reloaded"; after: EdgeState }> {
    const login = await this.#login();
    for (let tries = 0; tries < TRIES; tries++) {
      const before = this.#known;
      const after = next(before, change);
      const config = edgeConfig(after);
      const ours = this.#config === edgeConfig(before).trim();
      const commands = ours ? switchCommands(before, after, service) : undefined;
      const asked = (all: readonly string[]): string[] => all.map((command) => `admin '${command}'`);
      const act = asked([
        ...(commands ?? beforeReload(before, after, service)),
        ...(commands === undefined ? [] : keyCommands(before, after, service)),
      ]);
      if (commands === undefined) act.push(RELOAD, HAND_ON);
      if (shutsOut(before, after, service)) act.push(endTunnels(service));
      const said = await this.run(
        [
          ADMIN,
          ...exclusively(before, [
            // Within: somebody else's change at the same moment has files of the same names.
            file("haproxy.cfg.new", config),
            file("audit.new", JSON.stringify({ ...audit(before), login })),
            ...keysFileLines(before, after, !ours),
            ...(commands === undefined ? namedFiles() : []),
            `if ${commands === undefined ? `haproxy -c -f ${HOME}/haproxy.cfg.new 2>&1` : "true"}; then`,
            `cat ${HOME}/audit.new >> ${HOME}/audit.jsonl`,
            `mv -f ${HOME}/haproxy.cfg.new ${HOME}/haproxy.cfg`,
            writeState(after),
            ...act,
            "else echo REFUSED; fi",
          ]),
          `admin 'show servers state ${backendName(service)}'`,
        ].join("\n"),
      );
      if (said.includes(STALE)) {
        await this.state();
        continue;
      }
      if (commands === undefined) expectReload(said);
      else expectTraffic(said, after, service);
      this.#known = after;
      this.#config = config.trim();
      return { how: commands === undefined ? "reloaded" : "switched", after };
    }
    throw contested();
  }

  /** Keeps a state in which the traffic goes where it went before (a release was stopped or pruned). */
  async save(change: (state: EdgeState) => EdgeState): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const after = next(this.#known, change);
      const said = await this.run(exclusively(this.#known, [writeState(after)]).join("\n"));
      if (!said.includes(STALE)) {
        this.#known = after;
        return;
      }
      await this.state();
    }
    throw contested();
  }

  /** HAProxy's servers of a service: which take new requests, and how many requests each has in flight. */
  async servers(service: string): Promise<Server[]> {
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

  /** Is a HAProxy from before a reload still finishing requests? */
  async hasOldWorkers(): Promise<boolean> {
    const said = await this.run(`${MASTER}\nmaster 'show proc'`);
    return /^\d+\s+worker/m.test(said.split("# old workers")[1] ?? "");
  }

  /** Can the edge connect to this address? Undefined after `waitMs` without an answer. */
  async reaches(address: string, port: number, waitMs: number): Promise<boolean | undefined> {
    const said = await this.run(
      `(exec 3<>/dev/tcp/${address}/${port} && echo OPEN || echo SHUT) 2>/dev/null & dial=$!
       for ((i = 0; i < ${Math.ceil(waitMs / 50)}; i++)); do kill -0 $dial 2>/dev/null || break; sleep 0.05; done; kill $dial 2>/dev/null`,
    );
    return said.includes("OPEN") ? true : said.includes("SHUT") ? false : undefined;
  }

  /** Adds a line to the audit record. */
  async note(entry: object): Promise<void> {
    const signed = JSON.stringify({ ...entry, login: await this.#login() });
    const lines = [file("audit.note", signed), `cat ${HOME}/audit.note >> ${HOME}/audit.jsonl`];
    await this.run(alone(lines).join("\n"));
  }

  /** The audit record, oldest first. */
  async audit(): Promise<Record<string, unknown>[]> {
    return readAudit(await this.run(`cat ${HOME}/audit.jsonl 2>/dev/null`));
  }

  /**
   * Makes a TCP connection from the edge to a replica ready: what the edge's clients will travel. The function that
   * comes back starts it; what is written before somebody listens there waits, at most `waitMs`.
   * Whichever side ends first, both ends see it.
   * (Connecting at once would stall: an address that nobody has yet costs seconds of ARP.)
   */
  async line(address: string, port: number, waitMs: number, signal: AbortSignal): Promise<() => Duplex> {
    // By the clock: where nobody has the address at all, each try takes seconds.
    const script = `read -r; end=$((SECONDS + ${Math.ceil(waitMs / 1000)})); while ((SECONDS <= end)); do
      if exec 3<>/dev/tcp/${address}/${port}; then exec 4<&0; { cat <&4 >&3; kill $$; } >/dev/null 2>&1 & exec cat <&3; fi
      sleep 0.02; done 2>/dev/null; exit 7`;
    const { stream } = await execStream(this.#engine, EDGE, ["bash", "-c", script], signal);
    return () => {
      stream.write("\n");
      return stream;
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#shell.destroy();
    return Promise.resolve();
  }
}
