import type { HopName } from "../../../packages/dray/src/core/trace.ts";
import { HAND_PORT, NAME, type Rig } from "../rig.ts";

/** One fault that the rig can make for real, and what `dray trace` should say of it. */
export interface RigFault {
  /** The row of the table that is right. */
  fault: string;
  hop: HopName;
  /** Where several injections are one row: which one. */
  as?: string;
  /** Breaks it; what comes back mends it. */
  inject: (rig: Rig) => Promise<() => Promise<unknown>>;
  /** Of `dray trace`; the deployed service of the sudo user when left out. */
  argv?: (rig: Rig, user: string) => string[];
  env?: (rig: Rig) => Record<string, string>;
  /** Only a user with these rights meets it so. */
  user?: "root" | "ops" | "sue" | "bob";
}

export const service = (_rig: Rig, user: string): string[] => ["--file", `${user}.yaml`];
export const hand = (rig: Rig, user: string, more: string[] = []): string[] => [
  "--machine",
  `${rig.vm.host}-${user}`,
  "--container",
  "my-api",
  "--url",
  `http://${rig.vm.address}:${HAND_PORT}/decisions`,
  "--data",
  '{"income": 1}',
  ...more,
];

/** A line of shell on one host, and the one that takes it back. */
export const lines =
  (
    host: "client" | "router" | "vm",
    act: string | ((rig: Rig) => string),
    undo: string | ((rig: Rig) => string) = "true",
  ) =>
  async (rig: Rig): Promise<() => Promise<unknown>> => {
    const text = (of: string | ((rig: Rig) => string)): string => (typeof of === "string" ? of : of(rig));
    await rig.on(host, text(act));
    return async () => await rig.on(host, text(undo));
  };

/** The router drops, rejects or lets through. */
export const routed = (rule: (rig: Rig) => string): RigFault["inject"] =>
  lines(
    "router",
    (rig) => `iptables -I FORWARD ${rule(rig)}`,
    (rig) => `iptables -D FORWARD ${rule(rig)}`,
  );

export const named =
  (of: (rig: Rig) => string[]): RigFault["inject"] =>
  async (rig) => {
    await rig.names(of(rig));
    return async () => await rig.names([`${rig.vm.address} ${NAME}`]);
  };

/** The API behind the edge begins to behave badly. */
export const mode = (word: string): RigFault["inject"] =>
  lines(
    "vm",
    (rig) => `docker exec ${rig.replica} sh -c 'echo ${word} > /tmp/mode'`,
    (rig) => `docker exec ${rig.replica} rm -f /tmp/mode`,
  );

/** Bash that waits until a container is as it should be: on a busy machine even a crash takes its time. `$1` state, `$2` restarts, `$3` pid. */
export const until = (test: string, container = "my-api"): string =>
  `for i in $(seq 200); do set -- $(docker inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.Pid}}' ${container}); { ${test}; } && break; sleep 0.1; done`;
/** Somebody listens on the port in the container's network (proc(5): state 0A). */
export const listens = (port: number): string =>
  `grep -qE ':${port.toString(16).toUpperCase().padStart(4, "0")} [0-9A-F:]+ 0A ' /proc/$3/net/tcp`;
export const ENDED = `[ "$1" = exited ] || [ "$1" = created ]`;

/** `docker run` by hand, as in the lecture. */
export const run = (flags: string, test = listens(8080)): RigFault["inject"] =>
  lines(
    "vm",
    (rig) => `docker run -d --name my-api ${flags.replaceAll("IMAGE", rig.image)} >/dev/null 2>&1; ${until(test)}`,
    "docker rm -f my-api >/dev/null",
  );

export const PUBLISH = `-p ${HAND_PORT}:8080`;
export const onHost = (rig: Rig): string =>
  `docker run -d --name my-api --network host -e PORT=${HAND_PORT} ${rig.image} >/dev/null; ${until(listens(HAND_PORT))}`;
