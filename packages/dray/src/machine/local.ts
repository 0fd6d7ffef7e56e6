import { existsSync } from "node:fs";
import net from "node:net";
import { homedir } from "node:os";
import path from "node:path";
import type { Duplex } from "node:stream";
import { within } from "drayage-clock";
import { Failure } from "../base/failure.ts";
import { run } from "../base/process.ts";
import { Engine } from "./engine.ts";
import type { EngineVersion, Machine } from "./machine.ts";

/** The socket of the engine on this computer: DOCKER_HOST, else the usual places of Docker, Docker Desktop, Colima and rootless. */
function localSocket(): string {
  const host = process.env["DOCKER_HOST"];
  if (host?.startsWith("unix://")) return host.slice("unix://".length);
  const home = homedir();
  const candidates = [
    "/var/run/docker.sock",
    path.join(home, ".docker/run/docker.sock"),
    path.join(home, ".colima/default/docker.sock"),
    path.join(process.env["XDG_RUNTIME_DIR"] ?? "/nowhere", "docker.sock"),
  ];
  if (process.platform === "win32") return "\\\\.\\pipe\\docker_engine";
  return candidates.find((candidate) => existsSync(candidate)) ?? "/var/run/docker.sock";
}

/** Opens a unix socket (or a named pipe). */
export async function dialSocket(file: string): Promise<Duplex> {
  return await new Promise((resolve, reject) => {
    const socket = net.connect({ path: file });
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** An engine that has not said its version by then hangs. */
const GREET_MS = 30_000;

/** This computer as a machine. @throws Failure docker.local-missing, docker.permission */
export async function local(signal: AbortSignal, name: string = "local"): Promise<Machine> {
  const file = localSocket();
  const engine = new Engine(() => dialSocket(file));
  const version = await within(GREET_MS, signal, (limit) =>
    engine.get<EngineVersion>("/version", { signal: limit }),
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EACCES") {
      throw new Failure("docker.permission", `you may not use ${file}`, {
        hint: `sudo usermod -aG docker ${process.env["USER"] ?? "$USER"}, then log in again`,
        cause: error,
      });
    }
    throw new Failure("docker.local-missing", `no Docker Engine answers at ${file}`, {
      hint: "start Docker (Docker Desktop, or: sudo systemctl start docker)",
      cause: error,
    });
  });
  engine.agree(version);
  return {
    name,
    address: "127.0.0.1",
    engine,
    version,
    run: (argv, options) => run(argv, options),
    lend: (port) => Promise.resolve({ port, [Symbol.asyncDispose]: () => Promise.resolve() }),
    interactive: (argv) => [...argv],
    [Symbol.asyncDispose]: () => {
      engine.close();
      return Promise.resolve();
    },
  };
}
