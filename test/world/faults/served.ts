import { NAME, type Rig } from "../rig.ts";
import { service, lines, named, mode, until, listens, type RigFault } from "./fault.ts";

/** The edge and what is behind it. */
export const SERVED: readonly RigFault[] = [
  {
    fault: "edge-stopped",
    hop: "edge",
    inject: lines("vm", "docker stop -t 1 dray-edge", `docker start dray-edge; ${until(listens(80), "dray-edge")}`),
  },
  { fault: "edge-paused", hop: "edge", inject: lines("vm", "docker pause dray-edge", "docker unpause dray-edge") },
  {
    fault: "wrong-host",
    hop: "edge",
    inject: named((rig) => [`${rig.vm.address} ${NAME}`, `${rig.vm.address} www.example.test`]),
    argv: (rig, user) => [...service(rig, user), "--url", "http://www.example.test/decisions"],
  },
  {
    fault: "stale-upstream",
    hop: "edge",
    inject: edgeCommand((rig) => `set server s_decisions/SERVER addr ${rig.vm.address} port 9`, "ADDRESS"),
  },
  {
    fault: "edge-holds-back",
    hop: "edge",
    inject: edgeCommand(() => "set server s_decisions/SERVER state maint", "ready"),
  },
  {
    fault: "edge-cut-off",
    hop: "edge",
    inject: lines(
      "vm",
      // Within the network only: the machine itself still gets to the container.
      "iptables -t raw -I PREROUTING -i drayc+ -p tcp --dport 8080 -j DROP",
      "iptables -t raw -D PREROUTING -i drayc+ -p tcp --dport 8080 -j DROP",
    ),
  },
  {
    fault: "record-drift",
    hop: "record",
    inject: async (rig) => {
      const state = "/var/lib/dray/state.json";
      const release = rig.replica.split("-")[2] ?? "";
      const script = `cat ${state} > ${state}.rig; text=$(cat ${state}.rig); printf "%s\\n" "\${text//${release}/0old0old}" > ${state}`;
      await rig.on("vm", `docker exec dray-edge bash -c '${script}'`);
      return async () => await rig.on("vm", `docker exec dray-edge mv ${state}.rig ${state}`);
    },
  },
  {
    fault: "not-deployed",
    hop: "record",
    inject: lines(
      "client",
      (rig) =>
        `sed s/decisions/other/ ${rig.vm.folder}/sue.yaml > ${rig.vm.folder}/other.yaml; sed s/decisions/other/ ${rig.vm.folder}/ops.yaml > ${rig.vm.folder}/other-ops.yaml`,
    ),
    argv: (_rig, user) => ["--file", user === "ops" ? "other-ops.yaml" : "other.yaml", "--url", `http://${NAME}/`],
  },
  {
    fault: "stopped",
    as: "behind the edge",
    hop: "container",
    inject: lines(
      "vm",
      (rig) => `docker stop -t 0 ${rig.replica}`,
      (rig) => `docker start ${rig.replica}; ${until(listens(8080), rig.replica)}`,
    ),
  },
  {
    fault: "paused",
    hop: "container",
    inject: lines(
      "vm",
      (rig) => `docker pause ${rig.replica}`,
      (rig) => `docker unpause ${rig.replica}`,
    ),
  },
  { fault: "hung", hop: "ready", inject: mode("hang") },
  {
    fault: "still-loading",
    hop: "ready",
    inject: lines(
      "vm",
      (rig) =>
        `docker exec ${rig.replica} sh -c 'echo unready > /tmp/mode'; docker restart -t 0 ${rig.replica}; ${until(listens(8080), rig.replica)}`,
      (rig) => `docker exec ${rig.replica} rm -f /tmp/mode`,
    ),
  },
  {
    fault: "never-ready",
    hop: "ready",
    inject: async (rig) => {
      await rig.on(
        "client",
        `for user in sue ops; do sed 's/limits: {/limits: {ready: 1s, /' ${rig.vm.folder}/$user.yaml > ${rig.vm.folder}/hasty-$user.yaml; done`,
      );
      return await mode("unready")(rig);
    },
    argv: (_rig, user) => ["--file", `hasty-${user}.yaml`],
  },
  { fault: "app-error", hop: "predict", inject: mode("error") },
  { fault: "schema-error", hop: "predict", inject: mode("schema") },
  { fault: "body-too-large", hop: "predict", inject: mode("large") },
  { fault: "key-wanted", hop: "predict", inject: mode("key") },
  { fault: "overloaded", hop: "predict", inject: mode("busy") },
  { fault: "wrong-route", hop: "predict", inject: mode("gone") },
  { fault: "golden-differs", hop: "predict", inject: mode("wrong-golden") },
  { fault: "slow", hop: "predict", inject: mode("slow") },
];

/** HAProxy's runtime API, over its socket inside the edge; the second is how it is put right. */
function edgeCommand(command: (rig: Rig) => string, back: "ADDRESS" | "ready"): RigFault["inject"] {
  const send = (text: string): string =>
    `docker exec dray-edge bash -c "exec 5<>/dev/tcp/127.0.0.1/9999; echo '${text}' >&5; cat <&5"`;
  return async (rig) => {
    const server = `${rig.replica.split("-")[2]}.1`;
    const address = await rig.on(
      "vm",
      `docker inspect ${rig.replica} -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'`,
    );
    await rig.on("vm", send(command(rig).replace("SERVER", server)));
    const undo = back === "ready" ? "state ready" : `addr ${address} port 8080`;
    return async () => await rig.on("vm", send(`set server s_decisions/${server} ${undo}`));
  };
}
