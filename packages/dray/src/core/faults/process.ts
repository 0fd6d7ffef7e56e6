import { type Evidence, type Fault, served } from "../evidence.ts";
import { answered, byHand, outside, withApp } from "./healthy.ts";
import { app, logOf, logsCommand, nameIn, ours } from "./words.ts";

const notReady = (found: Evidence, status: number, uptimeS: number): Evidence => ({
  ...withApp(answered(found, 503), { uptimeS }),
  ready: { outcome: "answered", ms: 3, status, headers: {}, body: "loading" },
});

/** The port that clients' requests are led to inside the container. */
export function expectedPort(found: Evidence): number | undefined {
  const published = app(found)?.published.find((each) => each.hostPort === found.target.port)?.port;
  return (
    published ??
    found.record?.replicas.find((each) => each.container === app(found)?.name)?.port ??
    found.containerDial?.port
  );
}

const unbound = (found: Evidence): boolean =>
  !served(found) && app(found)?.status === "running" && found.binds !== undefined;
const bound = (found: Evidence, loopback: boolean): number[] =>
  (found.binds ?? []).filter((each) => each.loopback === loopback).map((each) => each.port);
const early = (found: Evidence): boolean => (app(found)?.uptimeS ?? 0) * 1000 < found.target.readyMs;

/** How far a server says it is that loads its model: `Loading safetensors checkpoint shards:  50% Completed`. */
function progressOf(found: Evidence): string {
  const percents = (app(found)?.log ?? []).map((line) => /\b(\d{1,3})\s?%/.exec(line)?.[1]);
  const last = percents.findLast((percent) => percent !== undefined);
  return last === undefined ? "" : ` (its log says ${last} %)`;
}

const refusedInside = (found: Evidence, binds: Evidence["binds"]): Evidence => ({
  ...outside(byHand(found), "refused"),
  binds: binds ?? [],
  containerDial: { outcome: "refused", ms: 1, address: "172.17.0.2", port: 8080 },
  ready: { outcome: "refused", ms: 1 },
  predict: { outcome: "refused", ms: 1 },
});

/** What the process in it is bound to, and whether it is ready. */
export const PROCESS: readonly Fault[] = [
  {
    id: "app-on-localhost",
    hop: "bind",
    title: "The API listens on 127.0.0.1 inside its container",
    when: (found) => {
      const port = expectedPort(found);
      return (
        unbound(found) &&
        bound(found, true).some((each) => each === port) &&
        !bound(found, false).some((each) => each === port)
      );
    },
    why: (found) =>
      `the API listens on 127.0.0.1:${expectedPort(found)} inside its container: that is the container's own loopback, and nobody outside it gets there`,
    fix: (found) =>
      found.target.dockerfile === undefined
        ? "have it listen on 0.0.0.0 (uvicorn: --host 0.0.0.0; flask: --host=0.0.0.0; node: listen(port)), build and deploy again"
        : `${found.target.dockerfile.file}:${found.target.dockerfile.line}: add --host 0.0.0.0`,
    outside: "Refused, or connects and is reset at once.",
    byHand: "`sudo nsenter -t PID -n ss -ltn` (PID from docker inspect) shows 127.0.0.1:8080.",
    example: (found) => refusedInside(found, [{ port: 8080, loopback: true }]),
  },
  {
    id: "wrong-container-port",
    hop: "bind",
    title: "The API listens on another port",
    when: (found) => {
      const port = expectedPort(found);
      return (
        unbound(found) &&
        found.containerDial?.outcome !== "open" &&
        (found.binds ?? []).length > 0 &&
        !(found.binds ?? []).some((each) => each.port === port)
      );
    },
    why: (found) =>
      `requests are led to port ${expectedPort(found)} of the container, and the API listens on ${(found.binds ?? []).map((each) => each.port).join(", ")}`,
    fix: (found) => {
      const right = found.binds?.[0]?.port;
      if (ours(found)) return `dray.yaml: port: ${right}`;
      return `docker rm -f ${nameIn(found)} && docker run -d -p ${found.target.port}:${right} --name=${nameIn(found)} ${app(found)?.image}`;
    },
    outside: "Refused, or connects and is reset at once.",
    byHand: "`docker logs` says which port; `docker ps` shows where the arrow leads.",
    example: (found) => refusedInside(found, [{ port: 8081, loopback: false }]),
  },
  {
    id: "starting",
    hop: "ready",
    title: "It is still starting",
    when: (found) => unbound(found) && (found.binds ?? []).length === 0 && early(found),
    why: (found) =>
      `${nameIn(found)} was started ${app(found)?.uptimeS} s ago and does not listen yet; it may take ${found.target.readyMs / 1000} s`,
    fix: (found) => `wait, and watch: ${logsCommand(found)}`,
    outside: "Refused, for the first seconds.",
    byHand: "`docker logs -f NAME`.",
    example: (found) => {
      const starting = refusedInside(found, []);
      return withApp(starting, { uptimeS: 5 });
    },
  },
  {
    id: "listens-nowhere",
    hop: "bind",
    title: "The process listens on no port",
    when: (found) => unbound(found) && (found.binds ?? []).length === 0,
    why: (found) =>
      `${nameIn(found)} runs since ${app(found)?.uptimeS} s and listens on no port; it said: ${logOf(found)}`,
    fix: (found) => `is it a server? read: ${logsCommand(found)}`,
    outside: "Refused.",
    byHand: "`sudo nsenter -t PID -n ss -ltn` (PID from docker inspect) lists nothing.",
    example: (found) => refusedInside(found, []),
  },
  {
    id: "hung",
    hop: "ready",
    title: "It takes connections and answers nothing",
    when: (found) =>
      !served(found) &&
      app(found)?.status === "running" &&
      found.containerDial?.outcome === "open" &&
      found.ready?.outcome === "timeout",
    why: (found) => `${nameIn(found)} takes connections, and does not even answer ${found.target.readyPath}: it hangs`,
    fix: (found) =>
      `docker restart ${nameIn(found)}; a thread that waits for itself or a blocked event loop is the usual cause: ${logsCommand(found)}`,
    outside: "Connects, then nothing comes until the time is over.",
    byHand: "curl on the machine to the container's own address hangs, too; `docker top NAME`.",
    example: (found) => ({
      ...found,
      answer: { outcome: "timeout", ms: 4000 },
      ready: { outcome: "timeout", ms: 3000 },
      predict: { outcome: "timeout", ms: 3000 },
    }),
  },
  {
    id: "still-loading",
    hop: "ready",
    title: "It is still loading",
    when: (found) => !served(found) && (found.ready?.status ?? 0) >= 500 && early(found),
    why: (found) =>
      `${nameIn(found)} was started ${app(found)?.uptimeS} s ago and says ${found.ready?.status} on ${found.target.readyPath}${progressOf(found)}; it may take ${found.target.readyMs / 1000} s`,
    fix: (found) => `wait, and watch: ${logsCommand(found)}`,
    outside: "503, for the first while.",
    byHand: "The readiness path answers 503, and `docker ps` says Up a few seconds.",
    example: (found) => notReady(found, 503, 5),
  },
  {
    id: "never-ready",
    hop: "ready",
    title: "It never becomes ready",
    when: (found) => !served(found) && (found.ready?.status ?? 0) >= 500,
    why: (found) =>
      `${nameIn(found)} runs since ${app(found)?.uptimeS} s and still says ${found.ready?.status} on ${found.target.readyPath}: ${found.ready?.body?.slice(0, 100)}`,
    fix: (found) => `read why: ${logsCommand(found)}${ours(found) ? "; dray rollback meanwhile" : ""}`,
    outside: "503, and it does not end.",
    byHand: "curl the readiness path on the container's own address.",
    example: (found) => notReady(found, 503, 3600),
  },
  {
    id: "ready-path-missing",
    hop: "ready",
    title: "The readiness path does not exist",
    when: (found) => !served(found) && found.ready?.status === 404 && found.target.readyPath !== "/",
    why: (found) => `${nameIn(found)} answers 404 on ${found.target.readyPath}, where it should say that it is ready`,
    fix: () => "dray.yaml: ready: names a path that the API has",
    outside: "Depends on who asks it: the endpoint may answer, or be held back.",
    byHand: "curl the readiness path on the container's own address.",
    example: (found) => ({
      ...answered(found, 404),
      ready: { outcome: "answered", ms: 3, status: 404, headers: {}, body: "" },
    }),
  },
];
