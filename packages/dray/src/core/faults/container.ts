import { type Evidence, type Fault, served } from "../evidence.ts";
import { byHand, noReplica, outside, withApp } from "./healthy.ts";
import { again, app, logOf, logsCommand, nameIn, ours } from "./words.ts";

const dead = (found: Evidence): boolean =>
  !served(found) && app(found) !== undefined && app(found)?.status !== "running";
const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;
/** A container that was started this recently after a crash is still in its loop. */
const LOOP_S = 60;

/** The container itself. */
export const CONTAINER: readonly Fault[] = [
  {
    id: "pull-denied",
    hop: "container",
    title: "The image may not be pulled",
    when: (found) => app(found) === undefined && found.pull?.denied === true,
    why: (found) =>
      `nothing runs, because ${found.target.machine} may not pull ${found.target.image}: ${found.pull?.message}`,
    fix: () =>
      "log in again on the machine (a registry's access token lives an hour), or give the account the role artifactregistry.reader; or carry the image over ssh: dray deploy",
    outside: "Connection refused: nothing runs.",
    byHand: "`docker pull IMAGE` on the machine says denied or unauthorized.",
    example: (found) => ({
      ...outside(byHand(found), "refused"),
      app: null,
      pull: { denied: true, message: "unauthorized: authentication required" },
      target: { ...byHand(found).target, image: "europe-central2-docker.pkg.dev/p/r/decisions" },
    }),
  },
  {
    id: "nothing-running",
    hop: "container",
    title: "No such container",
    when: (found) => !served(found) && found.app === null,
    why: (found) => `there is no container ${nameIn(found)} on ${found.target.machine}`,
    fix: (found) =>
      found.target.service === undefined
        ? `docker run -d -p ${found.target.port}:8080 --name=${nameIn(found)} IMAGE`
        : "dray deploy",
    outside: "Connection refused.",
    byHand: "`docker ps -a` on the machine does not list it.",
    example: (found) => ({ ...outside(byHand(found), "refused"), app: null }),
  },
  {
    id: "wrong-architecture",
    hop: "container",
    title: "The image is for another processor",
    when: (found) =>
      dead(found) &&
      [app(found)?.error ?? "", ...(app(found)?.log ?? [])].some((line) => /exec format error/.test(line)),
    why: (found) =>
      `the program in ${app(found)?.image} is for ${app(found)?.architecture ?? "another processor"}, and ${found.target.machine} is ${found.engine?.architecture}`,
    fix: (found) =>
      `docker build --platform linux/${found.engine?.architecture} ..., or let dray build it: build: . in the manifest`,
    outside: "Connection refused, or 503 from the edge.",
    byHand: "`docker logs` says exec format error; `docker image inspect -f {{.Architecture}} IMAGE`.",
    example: (found) =>
      noReplica(found, {
        status: "exited",
        exitCode: 255,
        architecture: "arm64",
        log: ["exec /usr/bin/python3: exec format error"],
      }),
  },
  {
    id: "command-missing",
    hop: "container",
    title: "The image lacks the program it should start",
    when: (found) =>
      dead(found) && /executable file not found|no such file or directory: unknown/.test(app(found)?.error ?? ""),
    why: (found) =>
      `${nameIn(found)} could not start: ${/exec: (.*?): unknown/.exec(app(found)?.error ?? "")?.[1] ?? app(found)?.error}`,
    fix: () => "Dockerfile, last line: name a program that is in the image, or install it there",
    outside: "Connection refused, or 503 from the edge.",
    byHand: "`docker ps -a`: Created or Exited (127); `docker inspect -f {{.State.Error}} NAME`.",
    example: (found) =>
      noReplica(found, {
        status: "created",
        exitCode: 127,
        error: 'failed to create task: exec: "uvicorn": executable file not found in $PATH: unknown',
      }),
  },
  {
    id: "out-of-memory",
    hop: "container",
    title: "It was killed for want of memory",
    when: (found) =>
      !served(found) && app(found)?.outOfMemory === true && (dead(found) || (app(found)?.uptimeS ?? 0) < LOOP_S),
    why: (found) =>
      `${nameIn(found)} was killed: it needs more memory than ${(app(found)?.memoryLimit ?? 0) > 0 ? `its limit of ${mib(app(found)?.memoryLimit ?? 0)}` : "the machine has"}`,
    fix: (found) =>
      ours(found)
        ? "raise limits.memory in dray.yaml, then dray deploy; or load a smaller model"
        : "docker run --memory with more, a larger machine, or a smaller model",
    outside: "Works, then refuses or answers 503, then works again.",
    byHand: "`docker inspect -f {{.State.OOMKilled}} NAME` says true; exit code 137.",
    example: (found) => noReplica(found, { status: "exited", exitCode: 137, outOfMemory: true }),
  },
  {
    id: "crash-loop",
    hop: "container",
    title: "It starts, crashes, and starts again",
    when: (found) =>
      !served(found) &&
      (app(found)?.status === "restarting" ||
        ((app(found)?.restarts ?? 0) > 0 &&
          (app(found)?.uptimeS ?? 0) < LOOP_S &&
          found.containerDial?.outcome !== "open")),
    why: (found) =>
      `${nameIn(found)} ends with exit code ${app(found)?.exitCode} each time it starts (${app(found)?.restarts} restarts); it said: ${logOf(found)}`,
    fix: (found) =>
      `read why: ${logsCommand(found)}; go back meanwhile: ${ours(found) ? "dray rollback" : "docker run the image before"}`,
    outside: "Refused or 503, with an answer now and then.",
    byHand: "`docker ps`: Restarting (1) 3 seconds ago.",
    example: (found) =>
      noReplica(found, { status: "restarting", exitCode: 1, restarts: 7, log: ["ModuleNotFoundError: sklearn"] }),
  },
  {
    id: "stopped",
    hop: "container",
    title: "It was stopped",
    when: (found) =>
      dead(found) && app(found)?.status === "exited" && [0, 137, 143].includes(app(found)?.exitCode ?? -1),
    why: (found) => `${nameIn(found)} was stopped (exit code ${app(found)?.exitCode})`,
    fix: again,
    outside: "Refused, or 503 from the edge.",
    byHand: "`docker ps -a`: Exited (0) or (137).",
    example: (found) => noReplica(found, { status: "exited", exitCode: 137 }),
  },
  {
    id: "paused",
    hop: "container",
    title: "It is paused",
    when: (found) => dead(found) && app(found)?.status === "paused",
    why: (found) => `${nameIn(found)} is paused: connections are taken, and nobody answers`,
    fix: (found) => `docker unpause ${nameIn(found)}`,
    outside: "Connects, then nothing comes until the time is over.",
    byHand: "`docker ps`: (Paused).",
    example: (found) => ({
      ...withApp(found, { status: "paused" }),
      answer: { outcome: "timeout", ms: 4000 },
      ready: { outcome: "timeout", ms: 3000 },
    }),
  },
  {
    id: "crashed",
    hop: "container",
    title: "It crashed",
    when: dead,
    why: (found) =>
      `${nameIn(found)} ended with exit code ${app(found)?.exitCode}${(app(found)?.error ?? "") === "" ? "" : ` (${app(found)?.error})`}; it said: ${logOf(found)}`,
    fix: (found) => `read why: ${logsCommand(found)}; then ${again(found)}`,
    outside: "Refused, or 503 from the edge.",
    byHand: "`docker ps -a`: Exited (1).",
    example: (found) => noReplica(found, { status: "exited", exitCode: 3, log: ["cannot find /models/model.pkl"] }),
  },
];
