import { HAND_PORT } from "../rig.ts";
import { hand, lines, until, listens, ENDED, run, PUBLISH, type RigFault } from "./fault.ts";

/** The lecture's own `docker run`, done wrong. */
export const BY_HAND: readonly RigFault[] = [
  { fault: "nothing-running", hop: "container", inject: lines("vm", "true"), argv: hand },
  { fault: "published-on-localhost", hop: "listener", inject: run(`-p 127.0.0.1:${HAND_PORT}:8080 IMAGE`), argv: hand },
  { fault: "exposed-not-published", hop: "listener", inject: run("IMAGE"), argv: hand },
  { fault: "published-elsewhere", hop: "listener", inject: run("-p 8090:8080 IMAGE"), argv: hand },
  {
    fault: "port-taken",
    hop: "listener",
    inject: run("-p 80:8080 IMAGE", ENDED),
    argv: (rig, user) => hand(rig, user).map((word) => word.replace(`:${HAND_PORT}/`, ":80/")),
  },
  { fault: "app-on-localhost", hop: "bind", inject: run(`${PUBLISH} -e MODE=localhost IMAGE`), argv: hand },
  {
    fault: "wrong-container-port",
    hop: "bind",
    inject: run(`${PUBLISH} -e PORT=8082 IMAGE`, listens(8082)),
    argv: hand,
  },
  { fault: "starting", hop: "ready", inject: run(`${PUBLISH} -e MODE=silent IMAGE`, `[ "$1" = running ]`), argv: hand },
  {
    fault: "crash-loop",
    hop: "container",
    inject: run(`${PUBLISH} --restart always -e MODE=crash IMAGE`, `[ "$2" -ge 2 ]`),
    argv: hand,
  },
  { fault: "crashed", hop: "container", inject: run(`${PUBLISH} -e MODE=crash IMAGE`, ENDED), argv: hand },
  {
    fault: "out-of-memory",
    hop: "container",
    inject: run(`${PUBLISH} --memory 40m --memory-swap 40m -e MODE=eat IMAGE`, ENDED),
    argv: hand,
  },
  {
    fault: "wrong-architecture",
    hop: "container",
    inject: lines(
      "vm",
      // The head of a 64-bit ELF file for aarch64 (machine 183), and nothing after it.
      (rig) =>
        `printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' > /arm; chmod +x /arm; docker run -d --name my-api ${PUBLISH} -v /arm:/arm --entrypoint /arm ${rig.image} >/dev/null 2>&1; ${until(ENDED)}`,
      "docker rm -f my-api >/dev/null; rm /arm",
    ),
    argv: hand,
  },
  {
    fault: "command-missing",
    hop: "container",
    inject: run(`${PUBLISH} --entrypoint uvicorn IMAGE`, ENDED),
    argv: hand,
  },
  {
    fault: "stopped",
    as: "by hand",
    hop: "container",
    inject: lines(
      "vm",
      (rig) => `docker run -d --name my-api ${PUBLISH} ${rig.image} >/dev/null; docker stop -t 0 my-api >/dev/null`,
      "docker rm -f my-api >/dev/null",
    ),
    argv: hand,
  },
];
