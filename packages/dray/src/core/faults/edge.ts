import { type Evidence, type Fault, type Healthy, served, shut } from "../evidence.ts";
import { outside } from "./healthy.ts";

const takers = (found: Evidence): NonNullable<Evidence["record"]>["traffic"] =>
  (found.record?.traffic ?? []).filter((each) => each.takes);
/** Not served, and the answer is the edge's own: nothing came from a release. */
const byEdge = (found: Evidence, ...statuses: number[]): boolean =>
  found.edge !== undefined &&
  found.answer?.status !== undefined &&
  statuses.includes(found.answer.status) &&
  found.answer.headers?.["x-dray-release"] === undefined;
const alive = (found: Evidence): boolean => found.app?.status === "running" && found.containerDial?.outcome === "open";

const held = (found: Healthy, change: Partial<NonNullable<Evidence["record"]>>): Evidence => ({
  ...found,
  answer: { outcome: "answered", ms: 4, status: 503, headers: {}, body: "503 Service Unavailable" },
  record: { ...found.record, ...change },
});

/** The edge: what it should do, what it does, and whether it runs. */
export const EDGE_FAULTS: readonly Fault[] = [
  {
    id: "not-deployed",
    hop: "record",
    title: "The service is not on the machine",
    // Whatever answers, it is not this service on this machine.
    when: (found) =>
      found.record !== undefined &&
      found.target.service !== undefined &&
      found.target.container === undefined &&
      found.record.edge !== "stopped" &&
      !found.record.services.includes(found.target.service) &&
      found.pull?.denied !== true,
    why: (found) =>
      `${found.target.service} was never deployed to ${found.target.machine}${(found.record?.services.length ?? 0) > 0 ? `; there is ${found.record?.services.join(", ")}` : ""}`,
    fix: () => "dray deploy",
    outside: "Refused, or 404 no service here.",
    byHand: "`dray status --all`.",
    example: (found) => ({
      ...held(found, { services: ["other"], replicas: [], traffic: [] }),
      record: { edge: "running", services: ["other"], replicas: [], traffic: [] },
      app: null,
      answer: { outcome: "answered", ms: 3, status: 404, headers: {}, body: "no service here" },
    }),
  },
  {
    id: "edge-stopped",
    hop: "edge",
    title: "The edge does not run",
    when: (found) => found.record?.edge === "stopped" && found.edge?.status !== "paused" && !served(found),
    why: (found) =>
      `the edge of ${found.target.machine} does not run (${found.edge?.status}, exit code ${found.edge?.exitCode}); the release behind it ${found.app?.status === "running" ? "does" : "does not either"}`,
    fix: (found) => `ssh ${found.target.machine} docker start dray-edge`,
    outside: "Connection refused.",
    byHand: "`docker ps -a` on the machine: dray-edge Exited.",
    example: (found) => ({
      ...outside(found, "refused"),
      record: { ...found.record, edge: "stopped" },
      edge: { ...found.edge, status: "exited", exitCode: 0, published: [] },
    }),
  },
  {
    id: "edge-paused",
    hop: "edge",
    title: "The edge is paused",
    when: (found) => found.edge?.status === "paused" && !served(found),
    why: (found) => `the edge of ${found.target.machine} is paused: connections are taken, and nobody passes them on`,
    fix: (found) => `ssh ${found.target.machine} docker unpause dray-edge`,
    outside: "Connects, then nothing comes.",
    byHand: "`docker ps` on the machine: dray-edge (Paused).",
    example: (found) => ({
      ...found,
      answer: { outcome: "timeout", ms: 4000 },
      record: { ...found.record, edge: "stopped" },
      edge: { ...found.edge, status: "paused" },
    }),
  },
  {
    id: "wrong-host",
    hop: "edge",
    title: "The edge knows no service of this name",
    when: (found) =>
      byEdge(found, 404) && found.record?.domain !== undefined && found.target.host !== found.record.domain,
    why: (found) =>
      `the edge answers 404 to ${found.target.host}: ${found.target.service ?? "the service"} answers only to ${found.record?.domain}`,
    fix: (found) => `ask http://${found.record?.domain}${found.target.path}, or change domain: in dray.yaml`,
    outside: "404 no service here.",
    byHand: "`curl -H 'host: DOMAIN' http://ADDRESS/` answers.",
    example: (found) => ({
      ...held(found, { domain: "www.example.com" }),
      answer: { outcome: "answered", ms: 3, status: 404, headers: {}, body: "no service here" },
    }),
  },
];

/** The edge runs and the release behind it answers, but the one does not find the other. Asked after the container's own faults. */
export const EDGE_TO_APP: readonly Fault[] = [
  {
    id: "record-drift",
    hop: "record",
    title: "The edge gives traffic to another release than recorded",
    when: (found) => {
      const { current } = found.record ?? {};
      return (
        current !== undefined && takers(found).length > 0 && takers(found).every((each) => each.release !== current)
      );
    },
    why: (found) =>
      `the record says ${found.record?.current}, and the edge gives the traffic to ${[...new Set(takers(found).map((each) => each.release))].join(", ")}: somebody changed it by hand`,
    fix: (found) =>
      `dray rollback ${takers(found)[0]?.release} makes the record say so, too; dray deploy makes a new release`,
    outside: "Answers come from another release (x-dray-release).",
    byHand: "`dray status` against the answer's header x-dray-release.",
    example: (found) => ({
      ...found,
      record: { ...found.record, traffic: [{ release: "0old0old", address: "172.30.80.99:8080", takes: true }] },
    }),
  },
  {
    id: "edge-holds-back",
    hop: "edge",
    title: "The edge gives traffic to nobody",
    when: (found) => byEdge(found, 503) && alive(found) && takers(found).length === 0,
    why: (found) =>
      `${found.app?.name} is ready, but the edge gives traffic to nobody: its servers are in drain or maintenance`,
    fix: (found) => `docker restart dray-edge on ${found.target.machine}: it begins again from what is recorded`,
    outside: "503 at once.",
    byHand: "HAProxy's runtime API: show servers state.",
    example: (found) => held(found, { traffic: [{ release: "1k2m3n4p", address: "172.30.80.21:8080", takes: false }] }),
  },
  {
    id: "stale-upstream",
    hop: "edge",
    title: "The edge sends to an address where the container is not",
    when: (found) =>
      byEdge(found, 502, 503, 504) &&
      alive(found) &&
      takers(found).length > 0 &&
      !takers(found).some((each) => each.address === `${found.app?.address}:${found.containerDial?.port}`),
    why: (found) =>
      `the edge sends requests to ${takers(found)[0]?.address}, and ${found.app?.name} is at ${found.app?.address}:${found.containerDial?.port}`,
    fix: () => "dray deploy: it starts a release and tells the edge where it is",
    outside: "503 after some seconds, or at once.",
    byHand: "`docker inspect` of the container against HAProxy's show servers state.",
    example: (found) => held(found, { traffic: [{ release: "1k2m3n4p", address: "172.30.80.99:8080", takes: true }] }),
  },
  {
    id: "edge-too-large",
    hop: "edge",
    title: "The proxy takes no body of this size",
    when: (found) => byEdge(found, 413),
    why: (found) => `the edge refuses a body of ${found.target.bodyBytes} bytes`,
    fix: () => "raise limits.body in dray.yaml, or send fewer rows at once",
    outside: "413 from the proxy (see the header Server).",
    byHand: "The same request on the container's own address works.",
    example: (found) => ({ ...found, answer: { outcome: "answered", ms: 4, status: 413, headers: {}, body: "" } }),
  },
  {
    id: "edge-cut-off",
    hop: "edge",
    title: "The edge does not reach the container",
    when: (found) =>
      !served(found) && alive(found) && found.edgeDial !== undefined && found.edgeDial.outcome !== "open",
    why: (found) =>
      `${found.app?.name} answers the machine, but not the edge: they are on different networks, or a rule of the machine's firewall is between them`,
    fix: (found) =>
      `docker network connect dray.${found.target.service ?? "SERVICE"} ${found.app?.name}; sudo iptables -vnL DOCKER-USER shows rules in between`,
    outside: "503 after some seconds.",
    byHand: "`docker network inspect` of the service's network, `dray.SERVICE`, lists both.",
    example: (found) => ({ ...held(found, {}), edgeDial: { outcome: "timeout", ms: 1000 } }),
  },
  {
    id: "edge-silent",
    hop: "edge",
    title: "The edge takes connections and answers nothing",
    when: (found) =>
      found.edge?.status === "running" &&
      !shut(found) &&
      found.answer?.outcome === "timeout" &&
      found.predict?.outcome === "answered",
    why: (found) => `the edge takes connections and passes nothing on, though ${found.app?.name} answers from inside`,
    fix: () => "dray logs --edge; docker restart dray-edge begins again from what is recorded",
    outside: "Connects, then nothing comes.",
    byHand: "curl on the machine to the container's own address answers.",
    example: (found) => ({ ...found, answer: { outcome: "timeout", ms: 4000 } }),
  },
];
