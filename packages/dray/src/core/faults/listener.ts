import { type ContainerFacts, type Evidence, type Fault, served, shut } from "../evidence.ts";
import { byHand, outside, withApp } from "./healthy.ts";

/** The container whose port clients meet: the edge, or the one published by hand. */
function front(found: Evidence): ContainerFacts | undefined {
  return found.edge ?? found.app ?? undefined;
}

const name = (found: Evidence): string => front(found)?.name ?? "";
const ourselves = (found: Evidence): boolean => found.edge !== undefined;
const running = (found: Evidence): boolean => front(found)?.status === "running";
const loopbackOnly = (hostIp: string): boolean => hostIp.startsWith("127.") || hostIp === "::1";

/** The publishing that clients of the target meet, where there is one. */
function publishing(found: Evidence): ContainerFacts["published"][number] | undefined {
  return front(found)?.published.find((each) => each.hostPort === found.target.port);
}

/** The port of the container that `-p` should name: EXPOSE, else what it listens on. */
function innerPort(found: Evidence): number {
  const listens = found.binds?.find((each) => !each.loopback)?.port;
  return listens ?? front(found)?.exposed[0] ?? 8080;
}

const recreate = (found: Evidence, publish: string): string =>
  `docker rm -f ${name(found)} && docker run -d -p ${publish} --name=${name(found)} ${front(found)?.image ?? "IMAGE"}`;

/** At the machine's own port. */
/** A port that is taken keeps a container from starting: it is asked for before the containers are. */
export const PORT_TAKEN: readonly Fault[] = [
  {
    id: "port-taken",
    hop: "listener",
    title: "The port is taken by another program",
    when: (found) => !running(found) && /already in use|already allocated|Bind for/.test(front(found)?.error ?? ""),
    why: (found) =>
      `${name(found)} could not start: port ${found.target.port} of ${found.target.machine} is taken by ${holder(found)}`,
    fix: (found) =>
      `stop ${holder(found)} (sudo ss -ltnp sport = :${found.target.port} shows it), then docker start ${name(found)}; or publish another port`,
    outside: "Somebody else's page, or a refusal.",
    byHand: "`docker ps -a`: the container is Created; `docker inspect` has Bind for 0.0.0.0:80 failed.",
    example: (found) => ({
      ...withApp(outside(byHand(found), "refused"), {
        status: "created",
        exitCode: 128,
        error: "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated",
        published: [],
      }),
      tcp: found.tcp ?? [],
      answer: { outcome: "answered", ms: 3, status: 404, headers: {}, body: "nginx" },
    }),
  },
];

export const LISTENER: readonly Fault[] = [
  {
    id: "published-on-localhost",
    hop: "listener",
    title: "The port is published on 127.0.0.1 only",
    when: (found) => {
      const mine = front(found)?.published.filter((each) => each.hostPort === found.target.port) ?? [];
      return shut(found) && running(found) && mine.length > 0 && mine.every((each) => loopbackOnly(each.hostIp));
    },
    why: (found) =>
      `${name(found)} is published on ${publishing(found)?.hostIp}:${found.target.port}: only ${found.target.machine} itself reaches it there`,
    fix: (found) => recreate(found, `${found.target.port}:${publishing(found)?.port ?? innerPort(found)}`),
    outside: "Connection refused; curl on the machine itself works.",
    byHand: "`docker ps` shows 127.0.0.1:80->8080/tcp where 0.0.0.0:80 should stand.",
    example: (found) =>
      withApp(outside(byHand(found), "refused"), { published: [{ hostIp: "127.0.0.1", hostPort: 80, port: 8080 }] }),
  },
  {
    id: "published-elsewhere",
    hop: "listener",
    title: "Another port is published",
    when: (found) =>
      shut(found) && running(found) && (front(found)?.published.length ?? 0) > 0 && publishing(found) === undefined,
    why: (found) =>
      `${name(found)} is published on port ${front(found)
        ?.published.map((each) => each.hostPort)
        .join(", ")} of ${found.target.machine}, and you ask port ${found.target.port}`,
    fix: (found) =>
      `ask port ${front(found)?.published[0]?.hostPort}, or: ${recreate(found, `${found.target.port}:${front(found)?.published[0]?.port}`)}`,
    outside: "Connection refused.",
    byHand: "`docker ps`, column PORTS: the number before the arrow is the one to ask.",
    example: (found) =>
      withApp(outside(byHand(found), "refused"), { published: [{ hostIp: "0.0.0.0", hostPort: 8080, port: 8080 }] }),
  },
  {
    id: "exposed-not-published",
    hop: "listener",
    title: "EXPOSE taken for publish",
    when: (found) =>
      shut(found) &&
      running(found) &&
      !ourselves(found) &&
      front(found)?.published.length === 0 &&
      front(found)?.hostNetwork === false,
    why: (found) =>
      `${name(found)} publishes no port: EXPOSE ${front(found)?.exposed.join(", ") || "in a Dockerfile"} only notes which one it listens on, -p is what opens one on ${found.target.machine}`,
    fix: (found) => recreate(found, `${found.target.port}:${innerPort(found)}`),
    outside: "Connection refused.",
    byHand: "`docker ps` shows 8080/tcp without an arrow.",
    example: (found) => withApp(outside(byHand(found), "refused"), { published: [] }),
  },
  {
    id: "nat-lost",
    hop: "listener",
    title: "Docker's rules are gone",
    when: (found) => {
      if (served(found) || !running(found) || publishing(found) === undefined) return false;
      const { rules } = found.machine ?? {};
      const inside = found.containerDial?.outcome === "open";
      // Where the rules may not be read, a port that leads nowhere while the container itself answers says the same.
      if (rules === undefined) return inside && shut(found) && found.loopback?.outcome === "refused";
      const leads = rules.some(
        (rule) => rule.text.includes("-j DNAT") && rule.text.includes(`--dport ${found.target.port} `),
      );
      // Without the rule, Docker's own proxy may take the connection and leave it at that.
      return !leads && (shut(found) || inside) && found.answer?.outcome !== "answered";
    },
    why: (found) =>
      `${name(found)} runs and publishes port ${found.target.port}, but the rule that leads there is gone: somebody reloaded ${found.target.machine}'s firewall after Docker had started`,
    fix: () => "sudo systemctl restart docker writes its rules again; reload the firewall before Docker, not after",
    outside: "Refused or no answer, although the container runs and answers on its own address.",
    byHand: "`sudo iptables -t nat -S DOCKER` has no DNAT line for the port.",
    example: (found) => ({
      ...outside(byHand(found), "refused"),
      loopback: { outcome: "refused", ms: 1 },
      machine: { ...found.machine, rules: [] },
    }),
  },
];

function holder(found: Evidence): string {
  const program = found.machine?.listeners.find((each) => each.port === found.target.port)?.program;
  return program === undefined ? "another program or container" : program;
}
