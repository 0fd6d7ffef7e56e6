import { CLOUD_HOP } from "./cloud-hop.ts";
import { addressOf } from "./faults/reach.ts";
import { expectedPort } from "./faults/process.ts";
import { healthText } from "./health.ts";
import {
  SLOW_MS,
  dialled,
  inWords,
  exchanged,
  external,
  front,
  internal,
  isGood,
  machineIn,
  noInside,
  ok,
  portIn,
  passedOver,
  timed,
  unseen,
  type HopDefinition,
} from "./hop-words.ts";
import { PREDICT_HOP } from "./predict-hop.ts";

const UNHEALTHY =
  "unhealthy is the opinion of the image's own HEALTHCHECK, and keeps no request away; ready: healthcheck makes it the proof of a release";

/** Every part of the way, in the order a request meets them; the operator's own way in comes first. */
export const HOP_TABLE: readonly HopDefinition[] = [
  {
    hop: "ssh",
    title: "ssh",
    to: machineIn,
    judge: (found) => {
      if (found.target.machine === undefined)
        return passedOver("no machine named (--machine): only the outside is asked");
      if (found.ssh === undefined) return passedOver("this computer itself");
      const { code, message, ms } = found.ssh;
      return code === undefined ? ok("logged in", ms) : unseen(message ?? code, "a way in", ms);
    },
    explain: (found) =>
      `ssh is your own way into ${machineIn(found)}, for looking and deploying; clients never use it. When it is shut, the endpoint may still serve.`,
  },
  {
    hop: "engine",
    title: "Docker Engine",
    to: machineIn,
    judge: (found) => {
      if (found.engine === undefined) return noInside(found);
      const { code, message, version, ms } = found.engine;
      if (code !== undefined) return unseen(message ?? code, "Docker", ms);
      const disk = found.machine?.disk;
      return ok(
        `${version}, ${found.engine.architecture}${disk === undefined ? "" : `, disk ${disk.usedPercent} % full`}`,
        ms,
      );
    },
    explain: (found) =>
      `Docker's daemon on ${machineIn(found)} starts the containers and opens their ports. When it stops, so do they; it is reached through its socket, which root and the group docker may open.`,
  },
  {
    hop: "record",
    title: "record",
    to: (found) => found.target.service ?? found.target.container ?? "",
    judge: (found) => {
      const { record } = found;
      if (record === undefined) return noInside(found);
      if (record.edge === "none" || record.current === undefined)
        return passedOver("not put there by dray: nothing is recorded");
      const takes = record.traffic.filter((each) => each.takes).map((each) => each.release);
      return ok(
        `${record.current} has the traffic${takes.includes(record.current) ? "" : " by the record"}, ${record.replicas.length} replica(s)`,
      );
    },
    explain: (found) =>
      `dray writes down on ${machineIn(found)} which release gets the traffic, where its containers are, and who said so. When what runs is another than what is written, somebody changed it by hand.`,
  },
  CLOUD_HOP,
  {
    hop: "name",
    title: "name",
    to: (found) => found.target.host,
    judge: (found) => {
      const { name } = found;
      if (found.target.literal || name === undefined) return passedOver(`${found.target.host} is an address`);
      if (name.code !== undefined) return unseen(name.code, "an answer of the resolver", name.ms);
      return timed(
        `A ${name.a.join(", ") || "none"}${name.aaaa.length > 0 ? `, AAAA ${name.aaaa.join(", ")}` : ""}`,
        name.ms,
        SLOW_MS.name,
      );
    },
    explain: (found) =>
      `DNS turns the name into an address: A records for IPv4, AAAA for IPv6; clients may try either. Resolvers keep an answer for its TTL, so a change takes a while to be seen. The name localhost always means the computer that asks, here never ${machineIn(found)}.`,
  },
  {
    hop: "route",
    title: "way out",
    to: addressOf,
    judge: (found) => {
      const { route } = found;
      if (route === undefined) return passedOver("it answers: not asked");
      const others = [
        route.ssh === undefined ? undefined : `ssh port ${dialled(route.ssh)}`,
        `${route.controlHost} ${dialled(route.control)}`,
      ];
      const evidence = others.filter((each) => each !== undefined).join(", ");
      return route.control.outcome === "open"
        ? ok(evidence, route.control.ms)
        : unseen(evidence, "a host outside that answers", route.control.ms);
    },
    explain: (found) =>
      `${external(found)} is the machine's external address: it is reached from anywhere. Its internal address (${internal(found)}) is reached only from inside its own network, the VPC. The port asked is ${portIn(found)}; networks that you sit in may let only some ports out.`,
  },
  {
    hop: "tcp",
    title: "address and port",
    to: (found) => `${addressOf(found)}:${portIn(found)}`,
    judge: (found) => {
      if (found.tcp === undefined || found.tcp.length === 0) return unseen("not asked", "an address");
      const evidence = found.tcp.map((each) => `${each.address} ${dialled(each.dialled)}`).join(", ");
      const best = found.tcp.find((each) => each.dialled.outcome === "open") ?? found.tcp[0];
      if (best === undefined) return unseen(evidence, "an address");
      if (best.dialled.outcome === "open") return timed(evidence, best.dialled.ms, SLOW_MS.connect);
      if (best.dialled.outcome === "refused")
        return ok(`${evidence}: the machine answers, nobody takes it there`, best.dialled.ms);
      return unseen(evidence, "an answer", best.dialled.ms);
    },
    explain: (found) =>
      `A connection to port ${portIn(found)} of ${addressOf(found)}. Refused means that the machine answered and nobody listens (or a firewall pretends so); no answer means that the packet, or the answer to it, was dropped on the way.`,
  },
  {
    hop: "packet",
    title: "firewalls",
    to: machineIn,
    judge: (found) => {
      if ((found.tcp ?? []).some((each) => each.dialled.outcome === "open")) return ok("let through");
      if (found.packet === undefined) {
        if (found.machine === undefined) return noInside(found);
        const refused = found.tcp?.every((each) => each.dialled.outcome === "refused") === true;
        if (refused && found.loopback?.outcome !== "open") return ok("an answer came back");
        return unseen(
          "its counters may not be read",
          `sudo on ${machineIn(found)} (user ${found.machine.user}): was it dropped before the machine, or on it?`,
        );
      }
      return ok(found.packet.seen ? "the packet reached the machine" : "no packet was seen on the machine");
    },
    explain: (found) =>
      `Two firewalls stand between: the provider's, in front of ${machineIn(found)}, and the machine's own. Docker's published ports go past the machine's INPUT rules and past ufw (they are forwarded, not received); rules for them belong into the chain DOCKER-USER.`,
  },
  {
    hop: "listener",
    title: "the machine's port",
    to: (found) => `${machineIn(found)}:${portIn(found)}`,
    judge: (found) => {
      const own = front(found);
      if (own === undefined) return found.app === null ? ok("nothing published") : noInside(found);
      const shown = own.published.map(
        (each) => `${each.hostIp === "" ? "0.0.0.0" : each.hostIp}:${each.hostPort} -> ${own.name}:${each.port}`,
      );
      const evidence =
        shown.length > 0
          ? shown.join(", ")
          : own.hostNetwork
            ? `${own.name} uses the machine's own network`
            : `${own.name} publishes nothing`;
      const bypassed = found.machine?.ufw === true && shown.length > 0 && found.answer?.outcome === "answered";
      return {
        ...ok(evidence, found.loopback?.ms),
        ...(bypassed
          ? {
              note: `ufw does not guard port ${portIn(found)}: Docker's own rules come before its. To keep it from others, write a rule into DOCKER-USER`,
            }
          : {}),
      };
    },
    explain: (found) =>
      `-p ${portIn(found)}:${expectedPort(found) ?? 8080} opens port ${portIn(found)} of the machine and leads it to port ${expectedPort(found) ?? 8080} of the container. EXPOSE in a Dockerfile opens nothing, it is a note. 0.0.0.0:${portIn(found)} means on every address of the machine, 127.0.0.1:${portIn(found)} for the machine itself only.`,
  },
  {
    hop: "tls",
    title: "TLS",
    to: (found) => found.target.host,
    judge: (found) => {
      if (!found.target.https) return passedOver("plain http");
      const { tls } = found;
      if (tls === undefined) return unseen("not asked", "a connection");
      const { certificate } = tls;
      if (certificate === undefined) return unseen(tls.code ?? tls.handshake, "a handshake", tls.ms);
      return ok(
        `${certificate.names.join(", ")}, by ${certificate.issuer}, until ${new Date(certificate.to).toISOString().slice(0, 10)}`,
        tls.ms,
      );
    },
    explain: (found) =>
      `The certificate says that whoever answers is ${found.target.host}: it must name that very name, be in force by both clocks, and be vouched for by somebody whom the client trusts.`,
  },
  {
    hop: "edge",
    title: "edge",
    to: () => "dray-edge",
    judge: (found) => {
      if (found.record?.edge === "none") return passedOver("no edge of dray's in this way");
      if (found.edge === undefined) return noInside(found);
      const takes = (found.record?.traffic ?? []).filter((each) => each.takes);
      const evidence =
        takes.length > 0 ? `to ${takes.map((each) => each.address).join(", ")}` : "gives traffic to nobody";
      return ok(`${found.edge.status}, ${evidence}`);
    },
    explain: (found) =>
      `The edge is the one container of dray's that publishes a port. It leads each request to a replica of the release that has the traffic, holds what is too much, and finishes what is under way when a release is replaced. A 502, 503 or 504 of its own means that it found nobody to answer behind it.${found.record?.edge === "none" ? " Here there is none." : ""}`,
  },
  {
    hop: "container",
    title: "container",
    to: (found) => found.app?.name ?? found.target.container ?? found.target.service ?? "",
    judge: (found) => {
      const { app } = found;
      if (app === null) return ok("none");
      if (app === undefined) return noInside(found);
      const dial = found.containerDial;
      const where = dial === undefined ? app.address : `${dial.address}:${dial.port}`;
      const restarts = app.restarts > 0 ? `, ${app.restarts} restarts` : "";
      const health = app.health === undefined ? "" : `, ${healthText(app.health)}`;
      const said = `${app.status} since ${inWords(app.uptimeS)}${restarts}, ${where}${dial === undefined || dial.outcome === "open" ? "" : ` ${dialled(dial)}`}`;
      return { ...ok(said + health, dial?.ms), ...(app.health?.status === "unhealthy" ? { note: UNHEALTHY } : {}) };
    },
    explain: (found) =>
      `The container has an address of its own (${found.app?.address ?? "172.17.0.2"}) in a network that exists only on ${machineIn(found)}; nobody outside it gets there but through a published port.`,
  },
  {
    hop: "bind",
    title: "what it listens on",
    to: (found) =>
      [found.app?.name ?? found.target.container ?? "container", expectedPort(found)].filter(Boolean).join(":"),
    judge: (found) => {
      if (found.binds === undefined && found.machine !== undefined && (found.app?.pid ?? 0) > 0)
        return unseen("not read", `the right to read /proc/${found.app?.pid}/net on ${machineIn(found)}`);
      if (found.binds === undefined) return found.app === null ? passedOver("no container") : noInside(found);
      const shown = found.binds.map((each) => `${each.loopback ? "127.0.0.1" : "0.0.0.0"}:${each.port}`);
      return ok(shown.join(", ") || "nothing");
    },
    explain: () =>
      "A program says on which of its container's addresses it listens. 0.0.0.0 is all of them. 127.0.0.1 (localhost) is the container's own loopback. Only the container itself gets there: the machine, the edge and you do not.",
  },
  {
    hop: "ready",
    title: "readiness",
    to: (found) => `GET ${found.target.readyPath}`,
    judge: (found) => {
      const { ready } = found;
      if (ready === undefined) return found.app === null ? passedOver("no container") : noInside(found);
      return isGood(ready)
        ? timed(exchanged(ready), ready.ms, SLOW_MS.answer)
        : unseen(exchanged(ready), "an answer", ready.ms);
    },
    explain: (found) =>
      `A model is loaded before it can answer. ${found.target.readyPath} says when it is; until then it should say 503. It is asked from inside, past the edge.`,
  },
  PREDICT_HOP,
];
