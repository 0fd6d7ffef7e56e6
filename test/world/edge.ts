import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { until, within } from "drayage-clock";
import type { Front, Release } from "../../packages/dray/src/core/release.ts";
import { edgeConfig, namedFiles } from "../../packages/dray/src/edge/config.ts";
import { keysFileLines } from "../../packages/dray/src/edge/keys.ts";
import { EMPTY_STATE, type EdgeState, HOME, type ServiceState } from "../../packages/dray/src/edge/state.ts";
import { addressOf, EDGE_IMAGE, must } from "./images.ts";

/** HAProxy alone, as the edge runs it, before an API in this process: what the edge does by itself, without a machine. */
export interface BareEdge extends AsyncDisposable {
  address: string;
  /** Its container. */
  container: string;
  /** The access log. */
  log(): string;
  /** Runs lines of bash in its container. */
  run(script: string): Promise<string>;
  /** Puts another state's files in the volume. */
  write(state: EdgeState): Promise<void>;
}

/** A service of one release, whose replica is at an address. */
export function serviceOf(
  front: Front,
  replica: { address: string; port: number },
  more: Partial<ServiceState> = {},
): ServiceState {
  const release: Release = {
    id: "r1",
    service: "decisions",
    image: "api:1",
    digest: "",
    settings: {
      replicas: 1,
      env: {},
      secrets: [],
      limits: { timeoutMs: 4000, readyMs: 1000, drainMs: 1000 },
      front,
    },
    from: { who: "", at: "" },
  };
  return {
    service: "decisions",
    current: "r1",
    releases: [{ release, replicas: [{ container: "r1", ...replica }], deployedAt: "" }],
    ...more,
  };
}

export const stateOf = (...services: ServiceState[]): EdgeState => ({
  ...EMPTY_STATE,
  services: Object.fromEntries(services.map((each) => [each.service, each])),
});

/** The state's key for a value. */
export const keyOf = (value: string): NonNullable<ServiceState["keys"]>[string] => ({
  sha256: createHash("sha256").update(value).digest("hex"),
  from: "manifest",
  at: "",
});

/**
 * Lines of a log go to whoever listens on the keeper's socket in the volume. To a stream, where there is no keeper, HAProxy
 * drops a line when another thread is about to write one.
 */
const withKeeper = (state: EdgeState): EdgeState => ({
  keeper: { address: "127.0.0.1", certificates: {}, shadows: {} },
  ...state,
});

/** Everything that the volume holds for a state, as bash that writes it. */
function filesOf(state: EdgeState): string {
  return [...namedFiles(), ...keysFileLines(EMPTY_STATE, state, true)].join("\n");
}

async function folderFor(state: EdgeState): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "dray-edge-"));
  await fill(folder, state);
  return folder;
}

async function fill(folder: string, state: EdgeState): Promise<void> {
  await writeFile(path.join(folder, "haproxy.cfg"), edgeConfig(withKeeper(state)));
  await must(["bash", "-c", filesOf(state).replaceAll(HOME, folder)]);
}

/** What HAProxy says of a state's configuration; it is refused, or warned of, by an error. */
export async function checkConfig(state: EdgeState): Promise<string> {
  const folder = await folderFor(state);
  try {
    return await must([
      "docker",
      "run",
      "--rm",
      "-v",
      `${folder}:${HOME}`,
      EDGE_IMAGE,
      "haproxy",
      "-c",
      "-f",
      `${HOME}/haproxy.cfg`,
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** RFC 6455, 1.3: what a server proves with that it knows the protocol. */
const WEBSOCKET = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** HAProxy alone is up in a quarter of a second; a busy machine may take its time. */
const UP_MS = 30_000;

/** True when somebody takes connections on port 80. */
async function listening(address: string): Promise<true | undefined> {
  return await new Promise((resolve) => {
    const socket = connect({ host: address, port: 80 });
    socket.once("connect", () => resolve((socket.destroy(), true)));
    socket.once("error", () => resolve(undefined));
  });
}

/** Starts one with the state that `state` makes of the address at which the API of this process is reached. */
export async function startEdge(
  state: (replica: { address: string; port: number }) => EdgeState,
  api: http.RequestListener,
): Promise<BareEdge> {
  const server = http.createServer(api);
  server.on("upgrade", (request, socket) => {
    socket.on("error", () => undefined);
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${WEBSOCKET}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: ${request.headers.upgrade}\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    );
    // What is said in it comes back.
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, "0.0.0.0", resolve));
  const folder = await mkdtemp(path.join(tmpdir(), "dray-edge-"));
  await chmod(folder, 0o777);
  let lines = "";
  const log = createServer((socket) => void socket.setEncoding("utf8").on("data", (text) => (lines += text)));
  await new Promise<void>((resolve) => void log.listen(path.join(folder, "access.sock"), resolve));
  const name = `dray-world-edge-${randomBytes(4).toString("hex")}`;
  // Where this process is, as seen from a container, is known when there is one.
  const wait = `until [ -s ${HOME}/ready ]; do sleep 0.05; done; exec haproxy -W -db -S 127.0.0.1:9998 -f ${HOME}/haproxy.cfg`;
  await must(["docker", "run", "-d", "--name", name, "-v", `${folder}:${HOME}`, EDGE_IMAGE, "bash", "-c", wait]);
  const gateway = await must([
    "docker",
    "inspect",
    name,
    "-f",
    "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}",
  ]);
  await fill(folder, state({ address: gateway, port: (server.address() as AddressInfo).port }));
  await writeFile(path.join(folder, "ready"), "yes");
  const address = await addressOf(name);
  await within(UP_MS, undefined, (limit) => until(() => listening(address), 50, limit));
  return {
    address,
    container: name,
    log: () => lines,
    run: (script) => must(["docker", "exec", name, "bash", "-c", script]),
    write: (next) => fill(folder, next),
    [Symbol.asyncDispose]: async () => {
      await must(["docker", "rm", "-f", name]);
      await rm(folder, { recursive: true });
      server.closeAllConnections();
      server.close();
      log.close();
    },
  };
}
